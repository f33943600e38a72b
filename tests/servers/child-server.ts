import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** An HTTP server of another maker that tests run on. */
export interface ServerCommand {
  /** For messages and the names of temporary folders. */
  readonly name: string
  readonly program: string
  /** Its arguments; `folder` is empty, and removed at the end. */
  readonly args: (place: { readonly folder: string; readonly port: number }) => readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  /** The path that answers 200 as soon as the server does. */
  readonly readyPath: string
}

/** A server that was started, and how it ends. */
export interface StartedServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly stop: () => Promise<void>
}

const startTimeoutMs = 60_000

/** Starts a server on a free port of 127.0.0.1, and waits until it answers. */
export async function startServer(command: ServerCommand): Promise<StartedServer> {
  const folder = await mkdtemp(join(tmpdir(), `mindtrace-${command.name}-`))
  const port = await freePort()
  const child = spawn(command.program, command.args({ folder, port }), {
    stdio: 'ignore',
    env: { ...process.env, ...command.env },
  })
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await once(child, 'spawn')
    endWithUs(child)
    const url = `http://127.0.0.1:${port}`
    const deadline = performance.now() + startTimeoutMs
    while (!(await answers(`${url}${command.readyPath}`))) {
      if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`)
      if (performance.now() > deadline) throw new Error('it does not answer')
      await sleep(50)
    }
    return { url, stop }
  } catch (cause) {
    await stop()
    throw new Error(`${command.name} did not start`, { cause })
  }
}

/** Lets a process end when this one does, however that happens: a second one waits for it. */
export function endWithUs({ pid }: ChildProcess): void {
  const code = `process.stdin.resume().on('end', () => { try { process.kill(${pid}, 'SIGKILL') } catch {} })`
  const watch = spawn(process.execPath, ['--eval', code], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watch.unref()
  ;(watch.stdin as unknown as { unref?: () => void })?.unref?.()
}

/** A port of 127.0.0.1 that nothing listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
