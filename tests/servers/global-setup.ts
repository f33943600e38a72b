import { chromium } from './chromium.ts'
import { fakeGcsServer } from './fake-gcs.ts'
import { minioServer } from './minio.ts'
import { mongodbReplicaSet, mongodbStandalone, mongodProgram } from './mongodb.ts'
import { oldPythonReference, pythonReference } from './python-reference.ts'
import type { Found, Provision } from './rung.ts'
import { schemathesis } from './schemathesis.ts'
import { sharedData } from './shared-data.ts'

/** Chains: those of one chain need what comes before them. Chains are gone through beside each other, as some take minutes. */
const provisions: readonly (readonly Provision[])[] = [
  [sharedData],
  [pythonReference, oldPythonReference, schemathesis],
  [chromium],
  [mongodProgram, mongodbReplicaSet, mongodbStandalone],
  [minioServer],
  [fakeGcsServer],
]

/**
 * Gets what tests need from outside, before the first test, and hands it to them in variables. What
 * can't be had is said in one line; in CI that is a failure. What was started is stopped after the last test.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = []
  const teardown = async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
  const provide = async (provision: Provision) => {
    const found = await find(provision)
    if (found === undefined) return leaveOut(provision)
    if (found.stop !== undefined) stops.push(found.stop)
    process.env[provision.variable] = found.value
    process.stdout.write(`${provision.name}: ${withoutSecrets(found.value)} (${found.how})\n`)
  }
  const outcomes = await Promise.allSettled(
    provisions.map(async (chain) => {
      for (const provision of chain) await provide(provision)
    }),
  )
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return teardown
  await teardown()
  throw failed.reason
}

function leaveOut({ name, without }: Provision): void {
  if (process.env.CI === 'true') throw new Error(`${name} is missing: ${without}`)
  process.stdout.write(`SKIPPED: ${without}\n`)
}

/** An address that a developer has given may hold a password. */
function withoutSecrets(value: string): string {
  return value.replace(/\/\/[^@/]*@/, '//')
}

async function find({ name, variable, rungs }: Provision): Promise<Found | undefined> {
  const given = process.env[variable]
  if (given !== undefined && given !== '') return { value: given, how: variable }
  for (const rung of rungs) {
    try {
      const found = await rung()
      if (found !== undefined) return found
    } catch (error) {
      process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
  return undefined
}
