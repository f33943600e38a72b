import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { jsonLines } from '../cli/run-cli.ts'
import type { ServedLake } from './served-lake.ts'

/** An interpreter with the Python package, or undefined where there is none. */
export const python = process.env.MINDTRACE_TEST_PYTHON

/** One with the package 0.12, which knows two tasks less. */
export const oldPython = process.env.MINDTRACE_TEST_PYTHON_OLD

/** One call, as a story tells it. */
export interface ToldCall {
  readonly task: string
  readonly ok: boolean
  readonly status?: number
  readonly [more: string]: unknown
}

type Place = Pick<ServedLake, 'clientAddress' | 'home'>

/** Runs a script of this folder against a lake to its end. Every call it tells must have gone well. */
export async function runStory(
  script: string,
  place: Place,
  ...args: readonly string[]
): Promise<ToldCall[]> {
  return await runStoryWith(python as string, script, place, ...args)
}

/** {@link runStory} by another interpreter. */
export async function runStoryWith(
  interpreter: string,
  script: string,
  { clientAddress, home }: Place,
  ...args: readonly string[]
): Promise<ToldCall[]> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const { code, stdout, stderr } = await new Promise<{
    code: number | null
    stdout: string
    stderr: string
  }>((resolve) => {
    const child = execFile(
      interpreter,
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
