import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectLake } from '@mindtrace/client'
import type { Lake } from '@mindtrace/contract'
import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { startCli } from '../cli/run-cli.ts'
import { startPythonService } from '../servers/python-service.ts'

/** A database and a folder of payloads, and how a service of either program is started over them. */
export interface SharedPlace extends AsyncDisposable {
  readonly startOurs: () => Promise<Lake>
  readonly startTheirs: () => Promise<Lake>
}

/** A new {@link SharedPlace} on a MongoDB server. Disposing it ends what was started. */
export async function sharedPlace(server: string): Promise<SharedPlace> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const { address } = stack.use(mongoPlace(server))
  const payloads = join(folder.path, 'payloads')
  const home = join(folder.path, 'home')
  for (const path of [payloads, home]) await mkdir(path)
  const started = stack.use(new AsyncDisposableStack())
  const kept = stack.move()
  return {
    startOurs: async () => {
      const mount = ['--mount', `main=file:${payloads}`, '--default-mount', 'main']
      const where = ['--lake', join(folder.path, 'lake'), '--database', address]
      const service = startCli(['serve', ...where, ...mount, '--port', '0'])
      started.defer(async () => {
        service.process.kill('SIGTERM')
        await service.finished
      })
      const said = await service.saw('(Ctrl-C ends it)')
      return started.use(connectLake(/http:\/\/\S+/.exec(said)?.[0] ?? ''))
    },
    startTheirs: async () => {
      const main = { name: 'main', folder: payloads, mutable: true, version_objects: true }
      const service = await startPythonService({ database: address, mounts: [main], home })
      started.use(service)
      // After a 500 it closes the connection without a word: each call has its own.
      const headers = { connection: 'close' }
      return started.use(connectLake(service.address, { headers }))
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
