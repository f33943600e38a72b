import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { openLocalLake } from '@mindtrace/datalake'
import { openRegistry, Store } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { S3Mount } from '@mindtrace/registry/s3'
import { createApp } from '@mindtrace/service'
import { expect, test } from 'vitest'
import type { Json } from './like-the-reference.ts'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

interface Exchange {
  readonly n: number
  /** Null for what the client does with the store itself. */
  readonly task: string | null
  readonly request: Json
  readonly status: number
  readonly response: Json
}

/** Where the reference answers 500, or we answer otherwise on purpose: our status. */
const statuses: Readonly<Record<number, number>> = {
  53: 409, // before the bytes are there
  54: 403, // wrong token
  61: 400, // no minutes
  62: 404, // unknown mount
  63: 404, // unknown session
  114: 404, // unknown mount
  115: 422, // no minutes
  116: 422, // more than seven days
}

async function aService() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const bucket = `golden-${randomUUID()}`
  const defaults = { versionObjects: true, mutable: true }
  const store = new Store({
    main: await openRegistry(new LocalMount(join(folder.path, 'main')), { defaults }),
    bucket: await openRegistry(new S3Mount({ endpoint, bucket, prefix: 'lake' }), { defaults }),
  })
  const lake = stack.use(
    await openLocalLake({
      database: await openSqliteDatabase({ path: ':memory:' }),
      store,
      settings: { databaseName: 'gold_wire_a' },
    }),
  )
  // A mount makes its bucket with its first write.
  await lake.objects.put({ name: 'first', data_base64: '', mount: 'bucket' })
  const app = createApp({ lake, serverInfo: { serverId: '', pidFile: '', version: '0.0.0' } })
  const kept = stack.move()
  return { app, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$/
const random = /[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** A value without what differs from lake to lake: ids, times, places, signatures. */
function likeness(value: Json): Json {
  if (typeof value === 'string') {
    if (time.test(value)) return '(time)'
    if (URL.canParse(value) && value.startsWith('http')) return urlLikeness(new URL(value))
    return value.replace(/^.*\/_direct_uploads\//, '/_direct_uploads/').replace(random, '(id)')
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(likeness)
  const entries = Object.entries(value)
    .filter(([key]) => key !== '_id')
    .map(([key, one]) => [key.replace(random, '(id)'), likeness(one)] as const)
  // Under ids, which are random, members stand in any order.
  if (entries.some(([key]) => key.includes('(id)'))) {
    return entries.map((entry) => JSON.stringify(entry)).sort()
  }
  return Object.fromEntries(entries)
}

/** Where in the bucket, and what was signed besides the host. */
function urlLikeness({ pathname, searchParams }: URL): Json {
  const [, , ...path] = pathname.split('/')
  const names = [
    'response-content-type',
    'response-content-disposition',
    'X-Amz-Expires',
    'X-Amz-Algorithm',
  ]
  const kept = names.map((name) => [name, searchParams.get(name)] as const)
  return { path: path.join('/').replace(random, '(id)'), ...Object.fromEntries(kept) }
}

/** Ids, tokens and addresses of ours that stand for the reference's. */
function learn(theirs: Json, ours: Json, known: Map<string, string>): void {
  if (typeof theirs === 'string' && typeof ours === 'string') {
    if (theirs !== ours) known.set(theirs, ours)
  } else if (typeof theirs === 'object' && typeof ours === 'object' && theirs && ours) {
    for (const key of Object.keys(theirs)) {
      const [a, b] = [theirs, ours].map((one) => (one as Record<string, Json>)[key])
      if (a !== undefined && b !== undefined) learn(a, b, known)
    }
  }
}

function translated(value: Json, known: ReadonlyMap<string, string>): Json {
  const text = JSON.stringify(value)
  return JSON.parse(text, (_key, one) => (typeof one === 'string' ? (known.get(one) ?? one) : one))
}

test.skipIf(endpoint === '')(
  'upload sessions and download addresses are as the reference answered (set MINDTRACE_TEST_S3_ENDPOINT)',
  async () => {
    await using service = await aService()
    const text = await readFile(
      new URL('../fixtures/golden-uploads.jsonl', import.meta.url),
      'utf8',
    )
    const known = new Map<string, string>()
    let last: Json = null
    for (const line of text.trim().split('\n')) {
      const { n, task, request, status, response } = JSON.parse(line) as Exchange
      if (task === null) {
        const { upload_url, upload_headers, url } = last as Record<string, string>
        if (n === 58) {
          const headers = upload_headers as unknown as Record<string, string>
          const put = { method: 'PUT', headers, body: request as string }
          expect((await fetch(upload_url as string, put)).status).toBe(200)
          continue
        }
        expect(n, url).toBe(120)
        continue
      }
      // The recorded client wrote its file after it had been refused twice.
      if (n === 55) await writeFile((last as { upload_path: string }).upload_path, 'uploaded')
      const answer = await service.app.request(`/${task}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(translated(request, known)),
      })
      const body = (await answer.json()) as Json
      expect([n, answer.status], JSON.stringify(body)).toEqual([n, statuses[n] ?? status])
      if (answer.status !== 200) {
        if (status === 409)
          expect(body).toMatchObject({ detail: { code: 'ASSET_PAYLOAD_NOT_READABLE' } })
        continue
      }
      learn(response, body, known)
      expect([n, likeness(body)]).toEqual([n, likeness(response)])
      last = body
      if (n === 111) {
        const download = await fetch((body as { url: string }).url)
        expect([download.status, download.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
        expect((await download.arrayBuffer()).byteLength).toBe(633)
      }
      if (n === 112) {
        const download = await fetch((body as { url: string }).url)
        expect(download.headers.get('content-disposition')).toBe('attachment; filename="two.jpg"')
        await download.arrayBuffer()
      }
    }
  },
)
