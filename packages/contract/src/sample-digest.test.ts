import { expect, test } from 'vitest'
import { IngestSample } from './model/ingest.ts'
import { sampleDigest } from './sample-digest.ts'

const hash = 'a'.repeat(64)
const aSample = (changes: object = {}) =>
  IngestSample.parse({
    source_key: 'a.jpg',
    ordinal: 3,
    split: 'train',
    metadata: { b: 1, a: 2 },
    assets: { image: { kind: 'image', media_type: 'image/jpeg', size_bytes: 4 } },
    ...changes,
  })

test('does not depend on the order of keys, the ordinal, a declared hash or where the bytes lie', () => {
  const digest = sampleDigest(aSample(), { image: hash })
  expect(sampleDigest(aSample({ metadata: { a: 2, b: 1 }, ordinal: 9 }), { image: hash })).toBe(
    digest,
  )
  const declared = { kind: 'image', media_type: 'image/jpeg', size_bytes: 4, sha256: hash }
  expect(sampleDigest(aSample({ assets: { image: declared } }), { image: hash })).toBe(digest)
  const inPlace = { ...declared, in_place: { mount: 'pictures', name: 'a.jpg' } }
  expect(sampleDigest(aSample({ assets: { image: inPlace } }), { image: hash })).toBe(digest)
})

test('changes with the payload, the split and the annotations', () => {
  const digest = sampleDigest(aSample(), { image: hash })
  expect(sampleDigest(aSample(), { image: 'b'.repeat(64) })).not.toBe(digest)
  expect(sampleDigest(aSample({ split: null }), { image: hash })).not.toBe(digest)
})
