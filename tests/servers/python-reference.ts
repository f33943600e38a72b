import { install, isInstalled, type PythonEnvironment, programIn } from './python-environment.ts'
import type { Found, Provision } from './rung.ts'

const reference: PythonEnvironment = {
  folder: 'python',
  packages: ['mindtrace-datalake==0.16.0'],
}
const value = programIn(reference, 'python')

/** An interpreter with the Python reference: a black box to call from tests of interoperation. */
export const pythonReference: Provision = {
  name: 'Python reference',
  variable: 'MINDTRACE_TEST_PYTHON',
  rungs: [fromCache, fromPackages],
  without: `tests against the Python package are left out: needs Python 3.12 or newer and pip, or MINDTRACE_TEST_PYTHON with ${reference.packages[0]}`,
}

async function fromCache(): Promise<Found | undefined> {
  return (await isInstalled(reference)) ? { value, how: 'cache' } : undefined
}

async function fromPackages(): Promise<Found | undefined> {
  return (await install(reference)) ? { value, how: 'installed' } : undefined
}
