import { mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
  const candidates: string[] = []
  for (const name of ['python3.14', 'python3.13', 'python3.12', 'python3']) {
    const path = await onPath(name)
    if (path !== undefined) candidates.push(path)
  }
  candidates.push(...(await pyenvPythons()))
  const script = 'import sys; print(sys.version_info >= (3, 12))'
  for (const candidate of candidates) {
    // A shim of pyenv's is on PATH for every version, and fails for those that are not chosen.
    if ((await output(candidate, ['-c', script]).catch(() => '')) === 'True') return candidate
  }
  return undefined
}

/** The interpreters that pyenv has installed, whichever of them it has chosen. */
async function pyenvPythons(): Promise<string[]> {
  const pyenv = await onPath('pyenv')
  if (pyenv === undefined) return []
  const root = dirname(dirname(await realpath(pyenv)))
  for (const folder of [process.env.PYENV_ROOT, root, dirname(root)]) {
    if (folder === undefined) continue
    const versions = await readdir(join(folder, 'versions')).catch(() => [])
    if (versions.length === 0) continue
    return versions
      .filter((version) => /^3\.(1[2-9]|[2-9]\d)\./.test(version))
      .map((version) => join(folder, 'versions', version, 'bin', 'python'))
  }
  return []
}
