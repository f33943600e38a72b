import { mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheFolder, exists, onPath, output } from './rung.ts'

/** Python packages of ours in a folder of the cache. */
export interface PythonEnvironment {
  /** In the cache folder. */
  readonly folder: string
  /** Its packages with their versions, as `name==version`. */
  readonly packages: readonly string[]
}

/** Where an environment's program is. */
export function programIn({ folder }: PythonEnvironment, name: string): string {
  return join(cacheFolder, folder, 'bin', name)
}

/** Whether an environment is there, in the versions that are wanted. */
export async function isInstalled(environment: PythonEnvironment): Promise<boolean> {
  const python = programIn(environment, 'python')
  if (!(await exists(python))) return false
  const names = environment.packages.map((one) => one.split('==')[0])
  const script = `import importlib.metadata as m; print(" ".join(n + "==" + m.version(n) for n in ${JSON.stringify(names)}))`
  return (await output(python, ['-c', script]).catch(() => '')) === environment.packages.join(' ')
}

/** Installs an environment; `uv` resolves in seconds what takes pip minutes. False where there is no Python for it. */
export async function install(environment: PythonEnvironment): Promise<boolean> {
  const python = await recentPython()
  const pip = await onPath('python3')
  if (python === undefined || pip === undefined) return false
  const uv = join(cacheFolder, 'uv', 'bin', 'uv')
  if (!(await exists(uv))) {
    await mkdir(cacheFolder, { recursive: true })
    const to = join(cacheFolder, 'uv')
    await output(pip, ['-m', 'pip', 'install', '--quiet', '--target', to, 'uv'], {
      timeoutMs: 300_000,
    })
  }
  await output(uv, [
    'venv',
    '--quiet',
    '--clear',
    '-p',
    python,
    join(cacheFolder, environment.folder),
  ])
  const interpreter = programIn(environment, 'python')
  await output(
    uv,
    ['pip', 'install', '--quiet', '--python', interpreter, ...environment.packages],
    {
      timeoutMs: 600_000,
    },
  )
  return await isInstalled(environment)
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
