import { isDeepStrictEqual } from 'node:util'
import { type Measurement, percentile } from './scenario.ts'

/** The same question to us and to the baseline; both answers must be equal. */
export interface Comparison {
  readonly what: string
  readonly runs: number
  readonly ours: (run: number) => unknown
  readonly bare: (run: number) => unknown
}

const warmUps = 20

/** The times of both, taken in turn, each being the first one every second time. */
export async function timesOf({ what, runs, ours, bare }: Comparison) {
  const times = { ours: [] as number[], bare: [] as number[] }
  const timed = async (ask: Comparison['ours'], run: number, into: number[]) => {
    const startedAt = performance.now()
    const answer = await ask(run)
    if (run < runs) into.push(performance.now() - startedAt)
    return answer
  }
  const askUs = (run: number) => timed(ours, run, times.ours)
  const askBare = (run: number) => timed(bare, run, times.bare)
  for (let run = runs + Math.min(warmUps, runs); run >= 0; run -= 1) {
    const [first, second] = run % 2 === 0 ? [askUs, askBare] : [askBare, askUs]
    const one = await first(run)
    const other = await second(run)
    if (one === undefined || !isDeepStrictEqual(one, other)) {
      throw new Error(`${what}: one has ${one}, the other ${other}`)
    }
  }
  return times
}

/** p95 beside that of a bare driver, of which it may be 1.5 times. */
export async function besideBare(name: string, comparison: Comparison): Promise<Measurement> {
  const times = await timesOf(comparison)
  const value = percentile(times.ours, 0.95)
  const baseline = percentile(times.bare, 0.95)
  return {
    what: `${comparison.what}, p95`,
    value,
    unit: 'ms',
    baseline: { name, value: baseline },
    budget: { text: '≤ 1.5×', kept: value <= 1.5 * baseline },
  }
}

/** The rate of bulk inserts beside that of a bare driver, of which it must be 0.6. */
export function insertRate(name: string, ours: number, bare: number): Measurement {
  return {
    what: 'bulk insert',
    value: ours,
    unit: 'records/s',
    baseline: { name, value: bare },
    budget: { text: '≥ 0.6×', kept: ours >= 0.6 * bare },
  }
}

/** The peak memory of a process, of which 400 MB are allowed. */
export function peakMemory(what: string, peakMiB: number): Measurement {
  const kept = peakMiB < 400e6 / 2 ** 20
  return { what, value: peakMiB, unit: 'MiB', budget: { text: '< 400 MB', kept } }
}
