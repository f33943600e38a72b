import type { AnnotationRecord, Asset, DatasetViewRow, ResolvedDatum } from '@mindtrace/contract'
import { type Shape, type Size, shapeOf } from './shapes.ts'

/** An annotation with the shape we draw for it. */
export interface Annotation {
  readonly record: AnnotationRecord
  readonly setName: string
  readonly shape: Shape | undefined
}

/** A datum as the page shows it. */
export interface Sample {
  readonly datumId: string
  readonly split: string | null
  readonly name: string
  /** The image, where the datum has one. */
  readonly asset: Asset | undefined
  /** Size of the original image, where its metadata says so. */
  readonly size: Size | undefined
  readonly annotations: readonly Annotation[]
  readonly metadata: Readonly<Record<string, unknown>>
}

export function sampleOf(row: DatasetViewRow): Sample {
  const assets = row.assets ?? {}
  const asset = imageOf(assets)
  const setNames = new Map(row.annotation_sets?.map((set) => [set.annotation_set_id, set.name]))
  return {
    datumId: row.datum_id,
    split: row.split,
    name: nameOf(row, asset),
    asset,
    size: asset && sizeOf(asset.metadata),
    annotations: Object.entries(row.annotation_records ?? {}).flatMap(([setId, records]) =>
      records.map((record) => ({
        record,
        setName: setNames.get(setId) ?? setId,
        shape: shapeOf(record.kind, record.geometry),
      })),
    ),
    metadata: row.metadata,
  }
}

/** The same from a single datum, for a link to one that is on no page yet. */
export function sampleOfDatum({ datum, ...rest }: ResolvedDatum): Sample {
  return sampleOf({
    datum_id: datum.datum_id,
    split: datum.split,
    metadata: datum.metadata,
    ...rest,
  })
}

/** Where the image's bytes are, relative to the page. */
export function payloadUrl(asset: Asset): string {
  return `v1/assets/${encodeURIComponent(asset.asset_id)}/payload`
}

export function thumbnailUrl(asset: Asset): string {
  return `v1/assets/${encodeURIComponent(asset.asset_id)}/thumbnail?width=320`
}

function imageOf(assets: Readonly<Record<string, Asset>>): Asset | undefined {
  const preferred = assets.image
  if (preferred?.kind === 'image') return preferred
  return Object.values(assets).find((asset) => asset.kind === 'image')
}

function sizeOf(metadata: Readonly<Record<string, unknown>>): Size | undefined {
  const { width, height } = metadata
  if (typeof width !== 'number' || typeof height !== 'number') return undefined
  return width > 0 && height > 0 ? { width, height } : undefined
}

function nameOf(row: DatasetViewRow, asset: Asset | undefined): string {
  const candidates = [
    row.metadata.filename,
    row.metadata.file_name,
    asset?.metadata.filename,
    asset?.metadata.file_name,
    row.metadata.source_path,
    row.metadata.source_key,
    row.metadata.source,
    asset?.storage_ref.name,
  ]
  const path = candidates.find((name): name is string => typeof name === 'string' && name !== '')
  return path?.split('/').pop() ?? row.datum_id
}
