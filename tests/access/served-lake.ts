import { join } from 'node:path'
import { connectLake } from '@mindtrace/client'
import type { KeyRole, KeyScopes, Lake } from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { type LocalLake, openLake } from '@mindtrace/datalake'
import { type ServeOptions, serve } from '@mindtrace/service'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

/** Where the records of a test's lake are; the second value leaves it out. */
export const backEnds = [
  ['SQLite', 'sqlite', false],
  ['MongoDB (MINDTRACE_TEST_MONGODB_URL)', 'mongodb', mongodb === ''],
] as const

/** Every line that a service logged in this file's tests, and every secret that a test used. */
export const said = { lines: [] as string[], secrets: new Set<string>() }

const log: Logger = (() => {
  const at = (fields: object, message: string) => {
    said.lines.push(`${message} ${JSON.stringify(fields, errorText)}`)
  }
  return { debug: at, info: at, warn: at, error: at }
})()

function errorText(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value
  return `${value.stack} ${JSON.stringify({ ...value })} ${errorText('', value.cause)}`
}

/** A lake that is served with keys of each role. */
export interface ServedLake extends AsyncDisposable {
  readonly address: string
  readonly port: number
  /** The lake itself, as another process on it has it. */
  readonly lake: LocalLake
  /** A second handle on the same records: what another process sees. */
  readonly elsewhere: LocalLake
  readonly keys: Readonly<Record<KeyRole, string>>
  /** Makes one more key. */
  key(role: KeyRole, scopes?: Partial<KeyScopes>): Promise<string>
  /** A client with a key. */
  as(apiKey: string): Lake
  /** Ends the service; the lake stays open elsewhere. */
  close(): Promise<void>
  /** Posts a task as plain HTTP. */
  post(task: string, apiKey: string | undefined, body?: unknown): Promise<Response>
}

/** Serves a new lake with the mounts `main` and `other`. */
export async function serveWithKeys(
  kind: 'sqlite' | 'mongodb',
  options: Partial<ServeOptions> = {},
): Promise<ServedLake> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const place = kind === 'mongodb' ? stack.use(mongoPlace(mongodb)) : undefined
  const parts = {
    ...(place === undefined ? {} : { database: place.address }),
    mounts: {
      main: `file:${join(folder.path, 'main')}`,
      other: `file:${join(folder.path, 'other')}`,
    },
    defaultMount: 'main',
    settings: { allowWipe: true },
  }
  const lake = stack.use(await openLake(join(folder.path, 'lake'), parts))
  const elsewhere = stack.use(await openLake(join(folder.path, 'lake'), parts))
  const key = async (role: KeyRole, scopes: Partial<KeyScopes> = {}) => {
    const { api_key } = await elsewhere.keys.create({
      name: `the ${role}`,
      role,
      scopes: { mounts: null, collections: null, ...scopes },
    })
    said.secrets.add(api_key.slice(21))
    return api_key
  }
  const keys = {
    reader: await key('reader'),
    writer: await key('writer'),
    admin: await key('admin'),
  }
  const service = stack.use(
    await serve({ lake, port: 0, log, pidFolder: folder.path, closeTimeoutMs: 500, ...options }),
  )
  const kept = stack.move()
  return {
    address: service.address,
    port: service.port,
    lake,
    elsewhere,
    keys,
    key,
    close: () => service.close(),
    as: (apiKey) => connectLake(service.address, { apiKey }),
    post: (task, apiKey, body = {}) =>
      fetch(`${service.address}/${task}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
