import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { jsonLines } from '../cli/run-cli.ts'
import type { ServedLake } from './served-lake.ts'

/** An interpreter with the Python package, or undefined where there is none. */
export const python = process.env.MINDTRACE_TEST_PYTHON

/** One call, as a story tells it. */
export interface ToldCall {
  readonly task: string
  readonly ok: boolean
  readonly status?: number
  readonly [more: string]: unknown
}

/** Runs a script of this folder against a lake to its end. Every call it tells must have gone well. */
export async function runStory(
  script: string,
  { clientAddress, home }: Pick<ServedLake, 'clientAddress' | 'home'>,
  ...args: readonly string[]
): Promise<ToldCall[]> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const { code, stdout, stderr } = await new Promise<{
    code: number | null
    stdout: string
    stderr: string
  }>((resolve) => {
    const child = execFile(
      python as string,
      [file, clientAddress, ...args],
      {
        maxBuffer: 64 * 1024 * 1024,
        env: {
          ...process.env,
          HOME: home,
          XDG_CACHE_HOME: home,
          PYTHONDONTWRITEBYTECODE: '1',
          PYTHONIOENCODING: 'utf-8',
        },
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
  const calls = jsonLines(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .join('\n'),
  ) as ToldCall[]
  expect(calls.filter(({ ok }) => !ok)).toEqual([])
  expect(code, stderr.slice(-4000)).toBe(0)
  return calls
}
