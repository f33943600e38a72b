import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pythonReference } from '@mindtrace/tests/servers/python-reference'
import type { Provision } from '@mindtrace/tests/servers/rung'
import type { Served } from './cli-process.ts'

const script = fileURLToPath(new URL('../tests/mongo/service.py', import.meta.url))

/** Where a {@link servePython} keeps its data. */
export interface PythonServiceOptions {
  /** Of the MongoDB server, without a database. */
  readonly server: string
  readonly database: string
  /** Of its own. */
  readonly folder: string
  readonly port: number
}

/** Starts the Python package's service and waits for its first answer. */
export async function servePython(
  options: PythonServiceOptions,
): Promise<Omit<Served, 'peakMiB' | 'pid'>> {
  const python = await provided(pythonReference)
  const [payloads, home] = [join(options.folder, 'payloads'), join(options.folder, 'home')]
  for (const path of [payloads, home]) await mkdir(path, { recursive: true })
  const startedAt = performance.now()
  const { server, database, port } = options
  const child = spawn(python, [script, server, database, payloads, String(port)], {
    env: { ...process.env, HOME: home, XDG_CACHE_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  const said = text(child.stderr)
  const address = `http://127.0.0.1:${port}`
  for (;;) {
    const answered = await fetch(`${address}/health`, { method: 'POST' }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (answered) break
    if (child.exitCode !== null) throw new Error(`the Python service ended: ${await said}`)
    await wait(2)
  }
  return {
    address,
    startMs: performance.now() - startedAt,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** The program that a provision finds or installs. */
export async function provided({ variable, rungs, without }: Provision): Promise<string> {
  const given = process.env[variable]
  if (given !== undefined && given !== '') return given
  for (const rung of rungs) {
    const found = await rung().catch(() => undefined)
    if (found !== undefined) return found.value
  }
  throw new Error(without)
}
