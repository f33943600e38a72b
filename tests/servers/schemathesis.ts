import { install, isInstalled, type PythonEnvironment, programIn } from './python-environment.ts'
import type { Found, Provision } from './rung.ts'

const environment: PythonEnvironment = {
  folder: 'schemathesis',
  packages: ['schemathesis==4.32.5'],
}
const value = programIn(environment, 'schemathesis')

/** Makes requests of an OpenAPI document, good ones and bad ones, and compares the answers with it. */
export const schemathesis: Provision = {
  name: 'schemathesis',
  variable: 'MINDTRACE_TEST_SCHEMATHESIS',
  rungs: [fromCache, fromPackages],
  without: `requests made of the OpenAPI document are left out: needs Python 3.12 or newer and pip, or MINDTRACE_TEST_SCHEMATHESIS with the command of ${environment.packages[0]}`,
}

async function fromCache(): Promise<Found | undefined> {
  return (await isInstalled(environment)) ? { value, how: 'cache' } : undefined
}

async function fromPackages(): Promise<Found | undefined> {
  return (await install(environment)) ? { value, how: 'installed' } : undefined
}
