import { createHash } from 'node:crypto'
import { connectLake } from '@mindtrace/client'
import type { TaskCall } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { post, testApp } from './testing/test-app.ts'

test('bytes of a large body arrive decoded, those of a small one as they came; a proxy sends both on', async () => {
  const seen: { base64: string; bytes: string | undefined }[] = []
  const fake = fakeLake()
  const call: TaskCall = async (name, input, options) => {
    const { payload } = options ?? {}
    const hash = createHash('sha256')
    for (const chunk of payload?.chunks ?? []) hash.update(chunk)
    seen.push({
      base64: String((input as { data_base64?: string }).data_base64),
      bytes: payload && `${payload.isBase64} ${payload.sizeBytes} ${hash.digest('hex')}`,
    })
    return fake.call(name, input)
  }
  await using inner = await startService({ app: testApp({ ...fake, call }), port: 0 })
  await using proxied = connectLake(inner.address)
  await using outer = await startService({ app: testApp(proxied), port: 0 })
  await using lake = connectLake(outer.address)
  const large = Buffer.alloc(1_000_000, 'mindtrace')
  await lake.objects.put({ name: 'large', data_base64: large.toString('base64') })
  await lake.objects.put({ name: 'small', data_base64: 'YWJj' })
  const sha256 = createHash('sha256').update(large).digest('hex')
  expect(seen).toEqual([
    { base64: '', bytes: `true 1000000 ${sha256}` },
    { base64: 'YWJj', bytes: undefined },
  ])
})

test('what is not base64 has a limit of its own', async () => {
  const app = testApp(fakeLake(), { limits: { jsonBytes: 300_000, bodyBytes: 900_000 } })
  const put = async (input: object) =>
    (await post(app, '/objects.put', { name: 'a', data_base64: '', ...input })).status
  expect(await put({ data_base64: 'A'.repeat(800_000) })).toBe(200)
  expect(await put({ data_base64: 'A'.repeat(900_000) })).toBe(413)
  expect(await put({ metadata: { text: 'A'.repeat(400_000) } })).toBe(413)
  const body = JSON.stringify({ filters: { kind: 'A'.repeat(400_000) } })
  const headers = { 'content-length': String(body.length) }
  const list = await app.request('/assets.list', { method: 'POST', headers, body })
  expect(list.status).toBe(413)
})
