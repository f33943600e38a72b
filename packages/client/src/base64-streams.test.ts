import { bytesOf, streamOf } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { connectLake } from './connect-lake.ts'

/** A service that answers as the Python one: no routes but its tasks. */
function pythonService(answers: Record<string, unknown>) {
  const asked: { path: string; body: unknown }[] = []
  const lake = connectLake('http://python.test', {
    fetch: async (input, init) => {
      const path = new URL(String(input)).pathname
      asked.push({ path, body: init?.body === undefined ? null : JSON.parse(String(init.body)) })
      return path in answers
        ? Response.json(answers[path])
        : Response.json({ detail: 'Not Found' }, { status: 404 })
    },
  })
  return { lake, asked }
}

const ref = { mount: 'main', name: 'a/b', version: '1.0.0', qualified_key: 'main/a/b@1.0.0' }
const asset = {
  asset_id: 'asset_1',
  kind: 'image',
  media_type: 'image/png',
  storage_ref: ref,
  created_at: '2026-01-01T00:00:00',
  updated_at: '2026-01-01T00:00:00',
}
const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
const data_base64 = Buffer.from(bytes).toString('base64')

test('reads payloads of a service without streams, whole and in part', async () => {
  const { lake, asked } = pythonService({
    '/assets.get': { asset },
    '/objects.get': { storage_ref: ref, data_base64 },
  })
  const whole = await lake.streams.readAsset('asset_1')
  expect(whole).toMatchObject({ sizeBytes: 100_000, range: null, mediaType: 'image/png' })
  expect(Buffer.compare(await bytesOf(whole.body, 1e6), bytes)).toBe(0)
  const part = await lake.streams.readObject(ref, { range: { start: 99_998, end: 200_000 } })
  expect(part.range).toEqual({ start: 99_998, end: 99_999 })
  expect(await bytesOf(part.body, 10)).toEqual(bytes.slice(99_998))
  expect(asked.filter(({ path }) => path === '/v1/extensions')).toHaveLength(1)
  await expect(lake.streams.readObject(ref, { range: { start: 100_000 } })).rejects.toMatchObject({
    code: 'RANGE_NOT_SATISFIABLE',
  })
})

test('writes a stream as base64', async () => {
  const { lake, asked } = pythonService({ '/objects.put': { storage_ref: ref } })
  const written = await lake.streams.writeObject(
    { mount: null, name: 'a/b', onConflict: 'skip' },
    streamOf(bytes),
  )
  expect(written).toMatchObject({ size_bytes: 100_000, storage_ref: ref })
  expect(written.checksum).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(asked.at(-1)?.body).toMatchObject({ name: 'a/b', data_base64, on_conflict: 'skip' })
})

test('reads nothing that is not there, and ingests nothing', async () => {
  const { lake } = pythonService({
    '/assets.get': { asset: { ...asset, payload_status: 'missing' } },
  })
  await expect(lake.streams.readAsset('asset_1')).rejects.toMatchObject({
    code: 'PAYLOAD_UNAVAILABLE',
  })
  await expect(lake.streams.ingestGroup('s', [])).rejects.toMatchObject({ code: 'NOT_IMPLEMENTED' })
})
