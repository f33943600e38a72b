import { execFile } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, exists, onPath } from './rung.ts'

/** A program that is published as source text in Go. */
export interface GoProgram {
  readonly name: string
  /** The package with its version: `github.com/minio/minio@v0.0.0-…`. */
  readonly source: string
}

/** Where such a program was found, and how. */
export interface FoundProgram {
  readonly program: string
  readonly how: string
}

const bin = join(cacheFolder, 'go', 'bin')
const buildTimeoutMs = 15 * 60_000

/** The ways to a program in Go, in the order in which they are tried: `PATH`, the cache folder, `go install`. */
export const goProgramWays: readonly ((wanted: GoProgram) => Promise<FoundProgram | undefined>)[] =
  [fromPath, fromCache, fromSource]

async function fromPath({ name }: GoProgram): Promise<FoundProgram | undefined> {
  const program = await onPath(name)
  return program === undefined ? undefined : { program, how: 'PATH' }
}

async function fromCache({ name }: GoProgram): Promise<FoundProgram | undefined> {
  const program = join(bin, name)
  return (await exists(program)) ? { program, how: 'cache' } : undefined
}

/** Takes minutes on a machine that has built nothing in Go before. */
async function fromSource({ name, source }: GoProgram): Promise<FoundProgram | undefined> {
  const go = await onPath('go')
  if (go === undefined) return undefined
  process.stdout.write(`${name}: building it, which takes minutes once\n`)
  const folder = join(cacheFolder, 'go', `build-${process.pid}`)
  await mkdir(folder, { recursive: true })
  try {
    await promisify(execFile)(go, ['install', source], {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false' },
      timeout: buildTimeoutMs,
      maxBuffer: 16 * 1024 * 1024,
    })
    await mkdir(bin, { recursive: true })
    await rename(join(folder, name), join(bin, name))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { program: join(bin, name), how: 'built' }
}
