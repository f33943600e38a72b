import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A finished command. */
export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface Running {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves when stderr or stdout has held the text; rejects when the command ends before. */
  saw(text: string): Promise<string>
}

export interface CliOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The arguments with which Node runs `mindtrace` from source. */
export const cliArguments: readonly string[] = [
  '--conditions=@mindtrace/source',
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('../../apps/cli/src/bin/mindtrace.ts', import.meta.url)),
]

/** Starts `mindtrace` as a process of its own, from source. */
export function startCli(args: readonly string[], options: CliOptions = {}): Running {
  const child = spawn(process.execPath, [...cliArguments, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const finished = once(child, 'close').then(
    ([code, signal]): Finished => ({ code, signal, stdout, stderr }),
  )
  const saw = async (text: string) => {
    while (!(stdout + stderr).includes(text)) {
      const ended = await Promise.race([
        finished.then(() => true),
        once(child.stdout, 'data').then(() => false),
        once(child.stderr, 'data').then(() => false),
      ])
      if (ended && !(stdout + stderr).includes(text)) {
        throw new Error(`the command ended without '${text}':\n${stdout}\n${stderr}`)
      }
    }
    return stdout + stderr
  }
  return { process: child, finished, saw }
}

/** Runs `mindtrace` to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  return startCli(args, options).finished
}

/** The JSON lines that a command printed. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
