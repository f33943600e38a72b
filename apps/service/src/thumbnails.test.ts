import { Asset, type PayloadRead } from '@mindtrace/contract'
import { MindtraceError, streamOf } from '@mindtrace/core'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'
import type { Shrink } from './thumbnails.ts'

function imageLake(bytes: Uint8Array, asset: Partial<Asset> = {}) {
  let reads = 0
  const row = Asset.parse({
    asset_id: 'asset_1',
    kind: 'image',
    media_type: 'image/jpeg',
    storage_ref: { mount: 'm', name: 'n.jpg', version: '1' },
    checksum: 'sha256:abc',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    ...asset,
  })
  const lake = fakeLake(
    { 'assets.get': () => ({ asset: row }) },
    {
      async readAsset(): Promise<PayloadRead> {
        reads += 1
        return {
          body: streamOf(bytes),
          sizeBytes: bytes.byteLength,
          range: null,
          mediaType: row.media_type,
          etag: 'abc',
          storageRef: row.storage_ref,
        }
      },
    },
  )
  return { lake, reads: () => reads }
}

/** 60 by 40 pixels that EXIF says to turn by 90 degrees. */
const turned = await sharp({ create: { width: 60, height: 40, channels: 3, background: 'red' } })
  .withMetadata({ orientation: 6 })
  .jpeg()
  .toBuffer()

const path = '/v1/assets/asset_1/thumbnail'

test('is as wide as asked, in the order of the stored pixels, and can be kept', async () => {
  const { lake, reads } = imageLake(turned)
  const app = testApp(lake)
  const response = await app.request(`${path}?width=30`)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/webp'])
  const { width, height, orientation } = await sharp(await response.arrayBuffer()).metadata()
  expect({ width, height, orientation }).toEqual({ width: 30, height: 20, orientation: undefined })
  const etag = response.headers.get('etag') ?? ''
  const again = await app.request(`${path}?width=30`, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  expect((await app.request(`${path}?width=30`)).status).toBe(200)
  expect(reads()).toBe(1)
})

test.each([
  ['?width=1', 16],
  ['?width=99999', 60],
  ['', 60],
])('bounds the width of %j', async (query, expected) => {
  const response = await testApp(imageLake(turned).lake).request(`${path}${query}`)
  expect((await sharp(await response.arrayBuffer()).metadata()).width).toBe(expected)
})

test('is a JPEG for who takes no WebP', async () => {
  const headers = { accept: 'image/png,image/jpeg' }
  const response = await testApp(imageLake(turned).lake).request(path, { headers })
  expect(response.headers.get('content-type')).toBe('image/jpeg')
  expect(response.headers.get('vary')).toBe('accept')
})

test('is made once for all who ask at the same time', async () => {
  let made = 0
  const go = Promise.withResolvers<void>()
  const shrink: Shrink = async () => {
    made += 1
    await go.promise
    return Uint8Array.of(1)
  }
  const app = testApp(imageLake(turned).lake, { loadShrink: async () => shrink })
  const answers = Promise.all(Array.from({ length: 5 }, () => app.request(path)))
  go.resolve()
  expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(made).toBe(1)
})

test('is the payload itself without sharp, and for drawings', async () => {
  const without = testApp(imageLake(turned).lake, { loadShrink: async () => undefined })
  const svg = imageLake(new TextEncoder().encode('<svg/>'), { media_type: 'image/svg+xml' })
  for (const [app, type] of [
    [without, 'image/jpeg'],
    [testApp(svg.lake), 'image/svg+xml'],
  ] as const) {
    const response = await app.request(path)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
  }
})

test.each([
  ['a document', { media_type: 'application/pdf' }, '', 'application/pdf, no image'],
  ['no picture', {}, '', "can't be read as an image"],
  ['no width', {}, '?width=wide', 'width is a number of pixels'],
] as const)('of %s is refused', async (_what, asset, query, message) => {
  const { lake } = imageLake(new TextEncoder().encode('not a picture'), asset)
  const response = await testApp(lake).request(`${path}${query}`)
  expect([response.status, await response.json()]).toEqual([
    400,
    { detail: expect.stringContaining(message) },
  ])
})

test('of an unknown asset is a 404', async () => {
  const lake = fakeLake({
    'assets.get': () => {
      throw new MindtraceError('NOT_FOUND', 'no asset asset_1')
    },
  })
  expect((await testApp(lake).request(path)).status).toBe(404)
})
