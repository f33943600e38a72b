import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { httpStatus, type Lake, type TaskName } from '@mindtrace/contract'
import { isMindtraceError } from '@mindtrace/core'
import { fixedClock, temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { mongoPlace } from '@mindtrace/database/testing'
import { openLocalLake } from '@mindtrace/datalake'
import { type Mount, openRegistry, Store } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { MemoryMount } from '@mindtrace/registry/memory'
import { S3Mount } from '@mindtrace/registry/s3'
import { createAccess, createApp, startService } from '@mindtrace/service'
import { watchApps } from '../openapi/watched-app.ts'
import type { Answer, Exchange, Json } from './like-the-reference.ts'

/** Sends a recorded request, with ids of ours in it. */
export type Send = (
  exchange: Pick<Exchange, 'task' | 'http'>,
  request: Json,
) => Promise<Answer & { readonly allow?: string | undefined }>

/** One of the services of the story. */
export interface GoldenService {
  readonly send: Send
  /** Whether it was asked to end, and did. */
  readonly hasEnded: () => boolean
}

/** Opens the service of a letter. It goes with the stack. */
export type OpenService = (letter: string, stack: AsyncDisposableStack) => Promise<GoldenService>

const defaults = { versionObjects: true, mutable: true }

async function openLake(
  letter: string,
  database: Database,
  mounts: Readonly<Record<'main' | 'bucket', Mount>>,
): Promise<Lake> {
  return await openLocalLake({
    database,
    store: new Store({
      main: await openRegistry(mounts.main, { defaults }),
      bucket: await openRegistry(mounts.bucket, { defaults }),
    }),
    clock: fixedClock(),
    settings: { databaseName: `gold_wire_${letter.toLowerCase()}`, allowWipe: true },
  })
}

async function openInMemory(letter: string, stack: AsyncDisposableStack): Promise<Lake> {
  const database = await openSqliteDatabase({ path: ':memory:' })
  const mounts = { main: new MemoryMount(), bucket: new MemoryMount() }
  return stack.use(await openLake(letter, database, mounts))
}

/** The lake itself is asked; errors have the status that a service would give them. */
export async function openInProcess(
  letter: string,
  stack: AsyncDisposableStack,
): Promise<GoldenService> {
  const lake = await openInMemory(letter, stack)
  return {
    hasEnded: () => false,
    send: async ({ task }, request) => {
      try {
        const body = await lake.call(task as TaskName, (request ?? undefined) as never)
        return { status: 200, body: body as Json }
      } catch (error) {
        if (!isMindtraceError(error)) throw error
        const { detail = error.message } = error.details
        return { status: httpStatus[error.code], body: { detail: detail as Json } }
      }
    },
  }
}

/** The service's application is asked, as a client's request would arrive at it. */
export async function openApplication(
  letter: string,
  stack: AsyncDisposableStack,
): Promise<GoldenService> {
  const lake = await openInMemory(letter, stack)
  let hasEnded = false
  const app = appOver(lake, () => {
    hasEnded = true
  })
  return { hasEnded: () => hasEnded, send: sending((path, init) => app.request(path, init)) }
}

/** Services on ports of their own, over folders and buckets of a store. */
export function openOverSockets(endpoint: string, mongodb?: string): OpenService {
  return async (letter, stack) => {
    const folder = stack.use(await temporaryFolder())
    const bucket = `golden-${randomUUID()}`
    const mounts = {
      main: new LocalMount(join(folder.path, 'main')),
      bucket: new S3Mount({ endpoint, bucket, prefix: 'lake' }),
    }
    const database = await (mongodb === undefined
      ? openSqliteDatabase({ path: join(folder.path, 'lake.db') })
      : openMongoDatabase({ url: stack.use(mongoPlace(mongodb)).address }))
    const lake = stack.use(await openLake(letter, database, mounts))
    let hasEnded = false
    const app = appOver(lake, () => {
      void service.close().then(() => {
        hasEnded = true
      })
    })
    const service = stack.use(await startService({ app, port: 0, closeTimeoutMs: 5_000 }))
    return {
      hasEnded: () => hasEnded,
      send: sending((path, init) => fetch(`${service.address}${path}`, init)),
    }
  }
}

const declared = watchApps()

function appOver(lake: Lake, shutdown: () => void) {
  const serverId = randomUUID()
  const pidFile = `/run/pids/DatalakeService_${serverId}_pid.txt`
  return declared.watch(
    createApp({
      lake,
      serverInfo: { serverId, pidFile, version: '0.0.0' },
      access: createAccess({ allowDestructive: true }),
      shutdown,
    }),
  )
}

function sending(fetched: (path: string, init: RequestInit) => Promise<Response> | Response): Send {
  return async ({ task, http }, request) => {
    const hasBody = request !== null
    const { path, ...init } = http ?? {
      path: `/${task}`,
      method: 'POST',
      body: hasBody ? JSON.stringify(request) : null,
      headers: hasBody ? { 'content-type': 'application/json' } : {},
    }
    const response = await fetched(path, init)
    const text = await response.text()
    const { status } = response
    const allow = response.headers.get('allow') ?? undefined
    return { status, allow, body: (text === '' ? '' : JSON.parse(text)) as Json }
  }
}
