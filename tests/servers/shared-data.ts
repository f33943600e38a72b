import { fileURLToPath } from 'node:url'
import { exists, type Found, type Provision } from './rung.ts'

const beside = fileURLToPath(new URL('../../../shared/data', import.meta.url))

/** Real datasets, which the repository does not hold. */
export const sharedData: Provision = {
  name: 'data',
  variable: 'MINDTRACE_TEST_DATA',
  rungs: [besideRepository],
  without:
    'tests on real datasets are left out: MINDTRACE_TEST_DATA is the folder that holds bccd/',
}

async function besideRepository(): Promise<Found | undefined> {
  return (await exists(beside)) ? { value: beside, how: 'beside the repository' } : undefined
}
