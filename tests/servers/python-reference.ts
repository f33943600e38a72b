import { install, isInstalled, type PythonEnvironment, programIn } from './python-environment.ts'
import type { Provision } from './rung.ts'

/** An interpreter with the Python reference: a black box to call from tests of interoperation. */
export const pythonReference = provision('Python reference', 'MINDTRACE_TEST_PYTHON', {
  folder: 'python',
  packages: ['mindtrace-datalake==0.16.0'],
})

/** One with the reference 0.12: its parts pin each other from below only, so each is asked for. */
export const oldPythonReference = provision('Python reference 0.12', 'MINDTRACE_TEST_PYTHON_OLD', {
  folder: 'python-0.12',
  packages: [
    'mindtrace-datalake==0.12.0',
    'mindtrace-core==0.12.0',
    'mindtrace-registry==0.12.0',
    'mindtrace-database==0.12.0',
    'mindtrace-services==0.12.0',
    'mindtrace-storage==0.12.0',
  ],
})

function provision(name: string, variable: string, wanted: PythonEnvironment): Provision {
  const value = programIn(wanted, 'python')
  return {
    name,
    variable,
    rungs: [
      async () => ((await isInstalled(wanted)) ? { value, how: 'cache' } : undefined),
      async () => ((await install(wanted)) ? { value, how: 'installed' } : undefined),
    ],
    without: `tests against the ${name} are left out: needs Python 3.12 or newer and pip, or ${variable} with ${wanted.packages.join(' ')}`,
  }
}
