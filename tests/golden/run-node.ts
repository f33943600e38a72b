import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a script of the repository by this Node, from source, to its end. */
export async function runNode(
  script: URL,
  args: readonly string[],
  options: { readonly execArgv?: readonly string[] } = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const flags = ['--conditions=@mindtrace/source', '--disable-warning=ExperimentalWarning']
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...flags, ...(options.execArgv ?? []), fileURLToPath(script), ...args],
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}
