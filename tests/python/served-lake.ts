import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { type Finished, startCli } from '../cli/run-cli.ts'

/** `mindtrace serve` as a process, over an embedded lake that is gone afterwards. */
export interface ServedLake extends AsyncDisposable {
  readonly address: string
  /** A folder for whatever the test's other processes write to their home. */
  readonly home: string
  /** Resolves when the service ends by itself. */
  readonly finished: Promise<Finished>
}

/** Serves a new lake on a free port; `datalake.wipe` and `shutdown` are served too. */
export async function serveNewLake(): Promise<ServedLake> {
  const folder = await temporaryFolder()
  const home = join(folder.path, 'home')
  await mkdir(home)
  const lake = join(folder.path, 'lake')
  const service = startCli(['serve', '--lake', lake, '--port', '0', '--allow-destructive'])
  const end = async () => {
    service.process.kill('SIGTERM')
    await service.finished
    await folder[Symbol.asyncDispose]()
  }
  try {
    const said = await service.saw('(Ctrl-C ends it)')
    const address = /http:\/\/\S+/.exec(said)?.[0]
    if (address === undefined) throw new Error(`no address in '${said}'`)
    return { address, home, finished: service.finished, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}
