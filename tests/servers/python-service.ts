import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithUs, freePort } from './child-server.ts'

const script = fileURLToPath(new URL('python-service.py', import.meta.url))
const startTimeoutMs = 170_000

/** A mount on disk of the Python service. */
export interface PythonMount {
  readonly name: string
  readonly folder: string
  readonly mutable: boolean
  readonly version_objects: boolean
}

/** What the Python service is started over. */
export interface PythonPlace {
  /** The server and the database on it: `mongodb://…/NAME?…`. */
  readonly database: string
  /** The first is the default. */
  readonly mounts: readonly PythonMount[]
  /** A folder for what it writes to its home. */
  readonly home: string
}

/** The Python service as a process; disposing it ends the process. */
export interface PythonService extends AsyncDisposable {
  readonly address: string
}

/** How the Python service is waited for. */
export interface PythonStart {
  /** The interpreter that has the package. Default: the one that the tests were given. */
  readonly python?: string | undefined
  /** What must answer. Default `summary`, which needs the lake. */
  readonly task?: string | undefined
  /** How long to wait before it is asked again. Default 100. */
  readonly pauseMs?: number | undefined
}

/** Starts it on a free port, and waits until its lake answers. */
export async function startPythonService(
  place: PythonPlace,
  { python, task = 'summary', pauseMs = 100 }: PythonStart = {},
): Promise<PythonService> {
  const [location = '', query] = place.database.split('?')
  const name = basename(location)
  const server = location.slice(0, -name.length)
  const options = JSON.stringify({
    uri: query === undefined ? server : `${server}?${query}`,
    name,
    mounts: place.mounts,
  })
  const port = await freePort()
  const { home } = place
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, PYTHONDONTWRITEBYTECODE: '1' }
  const program = python ?? (process.env.MINDTRACE_TEST_PYTHON as string)
  const child = spawn(program, [script, String(port), options], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  endWithUs(child)
  const exited = once(child, 'exit')
  const said = text(child.stderr)
  const end = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const address = `http://127.0.0.1:${port}`
  try {
    const deadline = performance.now() + startTimeoutMs
    while (!(await answers(`${address}/${task}`))) {
      if (child.exitCode !== null) throw new Error(await said)
      if (performance.now() > deadline) throw new Error('the Python service does not start')
      await sleep(pauseMs)
    }
  } catch (error) {
    await end()
    throw error
  }
  return { address, [Symbol.asyncDispose]: end }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: 'POST' })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
