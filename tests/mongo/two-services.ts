import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectLake } from '@mindtrace/client'
import type { Lake } from '@mindtrace/contract'
import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { startCli } from '../cli/run-cli.ts'
import { python } from '../python/run-story.ts'

const script = fileURLToPath(new URL('service.py', import.meta.url))
const startTimeoutMs = 60_000

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
      const name = basename(address.split('?')[0] ?? '')
      const port = await freePort()
      const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, PYTHONDONTWRITEBYTECODE: '1' }
      const args = [script, server, name, payloads, String(port)]
      const child = spawn(python as string, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
      const exited = once(child, 'exit')
      const said = text(child.stderr)
      started.defer(async () => {
        child.kill('SIGKILL')
        await exited
      })
      // After a 500 it closes the connection without a word: each call has its own.
      const headers = { connection: 'close' }
      const lake = started.use(connectLake(`http://127.0.0.1:${port}`, { headers }))
      const deadline = performance.now() + startTimeoutMs
      while (!(await answers(lake))) {
        if (child.exitCode !== null) throw new Error(await said)
        if (performance.now() > deadline) throw new Error('the Python service does not start')
        await sleep(100)
      }
      return lake
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function answers(lake: Lake): Promise<boolean> {
  return lake.summary().then(
    () => true,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
