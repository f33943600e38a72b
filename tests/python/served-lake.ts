import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { type Finished, startCli } from '../cli/run-cli.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''
const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

/** `mindtrace serve` as a process, over a lake that is gone afterwards. */
export interface ServedLake extends AsyncDisposable {
  readonly address: string
  /** The same with a key, where the service asks for one. */
  readonly clientAddress: string
  /** The key as requests carry it. */
  readonly headers: Readonly<Record<string, string>>
  /** A folder for whatever the test's other processes write to their home. */
  readonly home: string
  /** Resolves when the service ends by itself. */
  readonly finished: Promise<Finished>
}

/** What a test wants its lake to be. Default: all in one folder, and nobody is asked for a key. */
export interface ServedLakeWishes {
  /** Records in a database of MINDTRACE_TEST_MONGODB_URL. */
  readonly inMongoDB?: boolean
  /** Payloads in a bucket of MINDTRACE_TEST_S3_ENDPOINT. */
  readonly inBucket?: boolean
  /** Callers are asked for a key. */
  readonly withKey?: boolean
}

/** A kind of lake for tests that run on several. */
export interface LakeKind {
  readonly name: string
  readonly wishes: ServedLakeWishes
}

/** What the Python clients are tried with; a kind that needs servers is left out where there are none. */
export const lakeKinds: readonly LakeKind[] = [
  { name: 'in a folder', wishes: {} },
  { name: 'in a folder, with a key in the address', wishes: { withKey: true } },
  ...(mongodb === ''
    ? []
    : s3 === ''
      ? [{ name: 'in MongoDB', wishes: { inMongoDB: true } }]
      : [{ name: 'in MongoDB and a bucket', wishes: { inMongoDB: true, inBucket: true } }]),
]

/** Serves a new lake on a free port; `datalake.wipe` and `shutdown` are served too. */
export async function serveNewLake(wishes: ServedLakeWishes = {}): Promise<ServedLake> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const home = join(folder.path, 'home')
  await mkdir(home)
  const lake = ['--lake', join(folder.path, 'lake')]
  if (wishes.inMongoDB === true) {
    const place = stack.use(mongoPlace(mongodb))
    lake.push('--database', place.address)
  }
  if (wishes.inBucket === true) {
    const url = `s3://python-${randomUUID()}/lake?endpoint=${encodeURIComponent(s3)}`
    lake.push('--mount', `main=${url}`, '--default-mount', 'main')
  }
  const env = storeVariables()
  const key = wishes.withKey === true ? await newKey(lake) : undefined
  const service = startCli(['serve', ...lake, '--port', '0', '--allow-destructive'], { env })
  stack.defer(async () => {
    service.process.kill('SIGTERM')
    await service.finished
  })
  const said = await service.saw('(Ctrl-C ends it)')
  const address = /http:\/\/\S+/.exec(said)?.[0]
  if (address === undefined) throw new Error(`no address in '${said}'`)
  const kept = stack.move()
  return {
    address,
    clientAddress: key === undefined ? address : address.replace('://', `://${key}@`),
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    home,
    finished: service.finished,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** What the vendor's client finds its credentials by. */
function storeVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('AWS_') && value !== undefined ? [[name, value]] : [],
    ),
  )
}

async function newKey(lake: readonly string[]): Promise<string> {
  const create = startCli([
    'keys',
    'create',
    '--name',
    'python',
    '--role',
    'admin',
    '--json',
    ...lake,
  ])
  const { code, stdout, stderr } = await create.finished
  if (code !== 0) throw new Error(`no key was made: ${stderr}`)
  return (JSON.parse(stdout) as { readonly api_key: string }).api_key
}
