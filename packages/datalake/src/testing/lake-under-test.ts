import type { Lake } from '@mindtrace/contract'
import { type Clock, type ErrorCode, isMindtraceError } from '@mindtrace/core'
import type { Mount } from '@mindtrace/registry'
import { expect } from 'vitest'
import type { LakeSettings } from '../lake-parts.ts'

/** What a test wants to be different in its lake. */
export interface LakeWishes {
  readonly settings?: Partial<LakeSettings> | undefined
  /** Default: one that goes on by a millisecond with every reading. */
  readonly clock?: Clock | undefined
  /** Plain mounts beside the others, by name. The lake owns them. */
  readonly plainMounts?: Readonly<Record<string, Mount>> | undefined
}

/** A kind of lake as the behaviour suite uses it. */
export interface LakeUnderTest {
  /** A new, empty lake with the mounts `main` (default) and `other`. Disposing it removes what it holds. */
  readonly open: (wishes?: LakeWishes) => Promise<Lake>
  /**
   * Whether a streamed payload of another size than its sample announces fails the whole call with
   * `INVALID_INPUT`, as where samples travel in frames that are measured by it. Default: it fails only
   * its sample, as bytes always do.
   */
  readonly wrongStreamsFailCalls?: boolean | undefined
  /** Whether the mount `main` takes uploads that pass the lake by. Default: it does not. */
  readonly takesUploads?: boolean | undefined
}

/** Runs a test in a lake of its own. */
export type InLake = (
  test: (lake: Lake) => Promise<void>,
  wishes?: LakeWishes,
) => () => Promise<void>

/** Makes the {@link InLake} of a kind of lake. */
export function inLakeOf(underTest: LakeUnderTest): InLake {
  return (test, wishes) => async () => {
    await using lake = await underTest.open(wishes)
    await test(lake)
  }
}

/** Each call fails with its code: all are made, and the first that does not is told with its place. */
export async function expectRefusals(
  rows: readonly (readonly [ErrorCode, () => Promise<unknown>])[],
): Promise<void> {
  for (const [index, [code, call]] of rows.entries()) {
    expect(await codeOf(call), `refusal ${index} of ${rows.length}: ${String(call)}`).toBe(code)
  }
}

/** The code of the error that a call fails with, or what else it ended in. */
export async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return isMindtraceError(error) ? error.code : `not a MindtraceError: ${String(error)}`
  }
}

/** Makes so many calls at once and sorts out what became of them. */
export async function atOnce<T>(
  count: number,
  call: (index: number) => Promise<T>,
): Promise<{ readonly values: readonly T[]; readonly codes: readonly string[] }> {
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => call(index)),
  )
  const values: T[] = []
  const codes: string[] = []
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') values.push(outcome.value)
    else codes.push(isMindtraceError(outcome.reason) ? outcome.reason.code : String(outcome.reason))
  }
  return { values, codes }
}
