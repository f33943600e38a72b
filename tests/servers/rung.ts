import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** What a test may need from outside, and where it was found. */
export interface Found {
  /** The value of the variable that hands it to the tests: a path or an address. */
  readonly value: string
  /** For the log: `MINDTRACE_TEST_PYTHON`, `cache`, `installed` … */
  readonly how: string
  /** Of what was started for this run: ends it. */
  readonly stop?: (() => Promise<void>) | undefined
}

/** One way to get something: gives it, or undefined when this way does not lead there. */
export type Rung = () => Promise<Found | undefined>

/** Something from outside that tests need. */
export interface Provision {
  readonly name: string
  /** The variable by which tests find it. */
  readonly variable: string
  /** Tried in order; the first that gives something holds. */
  readonly rungs: readonly Rung[]
  /** Which tests are left out without it, and how to get it. */
  readonly without: string
}

const run = promisify(execFile)

/** Where servers and interpreters are kept between runs. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'mindtrace-test',
)

/** Runs a program and gives what it printed; a bound on its time and no shell. */
export async function output(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { stdout } = await run(program, [...args], {
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 16 * 1024 * 1024,
  })
  return stdout.trim()
}

/** Whether a path can be opened. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** The first program of these names on `PATH`. */
export async function onPath(...names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name)
      if (folder !== '' && (await exists(path))) return path
    }
  }
  return undefined
}
