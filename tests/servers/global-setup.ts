import { chromium } from './chromium.ts'
import { pythonReference } from './python-reference.ts'
import type { Found, Provision } from './rung.ts'
import { sharedData } from './shared-data.ts'

const provisions: readonly Provision[] = [sharedData, pythonReference, chromium]

/**
 * Gets what tests need from outside, before the first test, and hands it to them in variables. What
 * can't be had is said in one line; in CI that is a failure.
 */
export default async function setup(): Promise<void> {
  for (const provision of provisions) {
    const found = await find(provision)
    if (found !== undefined) {
      process.env[provision.variable] = found.value
      process.stdout.write(`${provision.name}: ${found.value} (${found.how})\n`)
      continue
    }
    if (process.env.CI === 'true')
      throw new Error(`${provision.name} is missing: ${provision.without}`)
    process.stdout.write(`SKIPPED: ${provision.without}\n`)
  }
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
