import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** One line of a result table. */
export interface Measurement {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** What the figure is held against, in the same run. */
  readonly baseline?: { readonly name: string; readonly value: number } | undefined
  /** The budget of `design.md`, as text, and whether the figure keeps it. */
  readonly budget?: { readonly text: string; readonly kept: boolean } | undefined
}

/** Something to measure. It checks the result before it tells a time. */
export interface Scenario {
  readonly name: string
  readonly about: string
  run(workspace: Workspace): Promise<readonly Measurement[]>
}

/** What scenarios share. */
export interface Workspace {
  /** An empty folder of the run's own, on the disk that is measured. */
  readonly folder: string
  /** Sizes are divided by this for a quick look: 1 measures what the budgets say. */
  readonly shrink: number
}

/** Waits until what was written so far is on the disk, so that the next phase does not pay for it. */
export async function settleDisk(): Promise<void> {
  await promisify(execFile)('sync')
}

/** Follows this process's resident memory from now on; `stop` tells by how many MB it grew at most. */
export function watchMemory(): { readonly stop: () => number } {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  return {
    stop: () => {
      clearInterval(timer)
      return (peak - before) / 1e6
    },
  }
}

/** The value below which a share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
