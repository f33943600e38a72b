import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, exists, type Found, onPath, output, type Provision } from './rung.ts'

const reference = 'mindtrace-datalake==0.16.0'
const installed = join(cacheFolder, 'python')
const interpreter = join(installed, 'bin', 'python')

/** An interpreter with the Python reference: a black box to call from tests of interoperation. */
export const pythonReference: Provision = {
  name: 'Python reference',
  variable: 'MINDTRACE_TEST_PYTHON',
  rungs: [fromCache, fromPackages],
  without: `tests against the Python package are left out: needs Python 3.12 or newer and pip, or MINDTRACE_TEST_PYTHON with ${reference}`,
}

async function fromCache(): Promise<Found | undefined> {
  return (await holdsReference()) ? { value: interpreter, how: 'cache' } : undefined
}

/** `uv` resolves the package in seconds where plain pip takes minutes. */
async function fromPackages(): Promise<Found | undefined> {
  const python = await recentPython()
  const pip = await onPath('python3')
  if (python === undefined || pip === undefined) return undefined
  const tools = join(cacheFolder, 'uv')
  await mkdir(cacheFolder, { recursive: true })
  await output(pip, ['-m', 'pip', 'install', '--quiet', '--target', tools, 'uv'], {
    timeoutMs: 300_000,
  })
  const uv = join(tools, 'bin', 'uv')
  await output(uv, ['venv', '--quiet', '--clear', '-p', python, installed])
  await output(uv, ['pip', 'install', '--quiet', '--python', interpreter, reference], {
    timeoutMs: 600_000,
  })
  return (await holdsReference()) ? { value: interpreter, how: 'installed' } : undefined
}

async function holdsReference(): Promise<boolean> {
  if (!(await exists(interpreter))) return false
  const script = 'import importlib.metadata as m; print(m.version("mindtrace-datalake"))'
  return (await output(interpreter, ['-c', script]).catch(() => '')) === '0.16.0'
}

async function recentPython(): Promise<string | undefined> {
  const direct = await onPath('python3.13', 'python3.12', 'python3.14')
  const candidates = direct === undefined ? [] : [direct]
  const pyenv = await onPath('pyenv')
  if (pyenv !== undefined) {
    const versions = await output(pyenv, ['versions', '--bare']).catch(() => '')
    for (const version of versions.split('\n').filter((one) => /^3\.1[2-9]\./.test(one))) {
      const prefix = await output(pyenv, ['prefix', version]).catch(() => '')
      if (prefix !== '') candidates.push(join(prefix, 'bin', 'python'))
    }
  }
  const plain = await onPath('python3')
  if (plain !== undefined) candidates.push(plain)
  const script = 'import sys; print(sys.version_info >= (3, 12))'
  for (const candidate of candidates) {
    if ((await output(candidate, ['-c', script]).catch(() => '')) === 'True') return candidate
  }
  return undefined
}
