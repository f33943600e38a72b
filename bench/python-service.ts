import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pythonReference } from '@mindtrace/tests/servers/python-reference'
import { startPythonService } from '@mindtrace/tests/servers/python-service'
import type { Provision } from '@mindtrace/tests/servers/rung'

/** Where a {@link servePython} keeps its data. */
export interface PythonServiceOptions {
  /** The database: `mongodb://…/NAME?…`. */
  readonly database: string
  /** Of its own. */
  readonly folder: string
}

/** Starts the Python package's service and waits for its first answer, which `startMs` tells of. */
export async function servePython({ database, folder }: PythonServiceOptions) {
  const python = await provided(pythonReference)
  const [payloads, home] = [join(folder, 'payloads'), join(folder, 'home')]
  for (const path of [payloads, home]) await mkdir(path, { recursive: true })
  const mounts = [{ name: 'main', folder: payloads, mutable: true, version_objects: true }]
  const startedAt = performance.now()
  const service = await startPythonService(
    { database, mounts, home },
    { python, task: 'health', pauseMs: 2 },
  )
  return { ...service, startMs: performance.now() - startedAt }
}

/** The program that a provision finds or installs. */
export async function provided({ variable, rungs, without }: Provision): Promise<string> {
  const given = process.env[variable]
  if (given !== undefined && given !== '') return given
  for (const rung of rungs) {
    const found = await rung().catch(() => undefined)
    if (found !== undefined) return found.value
  }
  throw new Error(without)
}
