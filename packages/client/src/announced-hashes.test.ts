import { createHash } from 'node:crypto'
import { IngestSample } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { withAnnouncedHashes } from './announced-hashes.ts'

const sample = (assets: object) =>
  IngestSample.parse({ source_key: 'a', ordinal: 0, split: null, assets })
const image = { kind: 'image', media_type: 'image/jpeg', size_bytes: 3 }

test('announces the hash of bytes in memory, keeps one that is there, leaves streams alone', async () => {
  const bytes = new Uint8Array([1, 2, 3])
  const known = 'a'.repeat(64)
  const items = withAnnouncedHashes([
    {
      sample: sample({ image, mask: { ...image, sha256: known }, video: image }),
      payloads: { image: bytes, mask: bytes, video: () => new ReadableStream() },
    },
  ])
  const announced = []
  for await (const item of items) {
    announced.push(Object.values(item.sample.assets).map(({ sha256 }) => sha256))
  }
  expect(announced).toEqual([[createHash('sha256').update(bytes).digest('hex'), known, null]])
})
