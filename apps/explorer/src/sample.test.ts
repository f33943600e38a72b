import type { Asset, DatasetViewRow } from '@mindtrace/contract'
import { describe, expect, it } from 'vitest'
import { payloadUrl, sampleOf, thumbnailUrl } from './sample.ts'

const image = {
  asset_id: 'asset_1',
  kind: 'image',
  metadata: { width: 960, height: 720 },
  storage_ref: { mount: 'main', name: 'images/part.jpg', version: null, qualified_key: null },
} as unknown as Asset

function aRow(changes: Partial<DatasetViewRow>): DatasetViewRow {
  return {
    datum_id: 'datum_1',
    split: null,
    metadata: {},
    assets: null,
    annotation_sets: null,
    annotation_records: null,
    ...changes,
  }
}

describe('sampleOf', () => {
  it('takes the image, its size and its name', () => {
    const mask = { ...image, kind: 'mask' as const }
    const sample = sampleOf(aRow({ assets: { mask, image } }))
    expect(sample).toMatchObject({ name: 'part.jpg', size: { width: 960, height: 720 } })
    expect(sample.asset).toBe(image)
  })

  it('prefers the name that the datum was imported with', () => {
    const row = aRow({ assets: { image }, metadata: { filename: 'a/b/c.png' } })
    expect(sampleOf(row).name).toBe('c.png')
  })

  it('shows a datum without image or annotations', () => {
    expect(sampleOf(aRow({}))).toMatchObject({ name: 'datum_1', annotations: [] })
    expect(sampleOf(aRow({})).asset).toBeUndefined()
  })

  it('leaves the size open when the metadata has none', () => {
    const unsized = { ...image, metadata: { width: '960' } } as Asset
    expect(sampleOf(aRow({ assets: { image: unsized } })).size).toBeUndefined()
  })
})

describe('the addresses of an image', () => {
  it('encode the id', () => {
    const odd = { ...image, asset_id: 'a/b' }
    expect(payloadUrl(odd)).toBe('v1/assets/a%2Fb/payload')
    expect(thumbnailUrl(odd)).toBe('v1/assets/a%2Fb/thumbnail?width=320')
  })
})
