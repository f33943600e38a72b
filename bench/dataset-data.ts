import { createHash } from 'node:crypto'
import { lakeCollections, openLakeDatabase } from '@mindtrace/datalake'

/** How the sample dataset is called. */
export const sampleDataset = { dataset_name: 'sample', version: '1.0.0' } as const

/** Boxes of each image. */
export const boxesPerDatum = 3

const batchSize = 1000
const startsAt = Date.UTC(2026, 0, 1)

/** The id of the record of that number; ids are scattered, times follow the number. */
export function sampleId(prefix: string, number: number): string {
  return `${prefix}_${createHash('md5').update(`${prefix} ${number}`).digest('hex')}`
}

/**
 * Fills a database with a dataset version of so many datums: an image asset each, with one set of
 * {@link boxesPerDatum} boxes. Written past the lake, so that two lakes get the very same documents.
 */
export async function fillWithDataset(address: string, count: number): Promise<void> {
  await using database = await openLakeDatabase(address)
  const write = async (name: string, documents: readonly object[]) => {
    const collection = lakeCollections.find((one) => one.name === `datalake_${name}`)
    if (collection === undefined) throw new Error(`a lake has no collection ${name}`)
    for (let from = 0; from < documents.length; from += batchSize) {
      await database.repository(collection).insertMany(documents.slice(from, from + batchSize))
    }
  }
  const numbers = Array.from({ length: count }, (_, number) => number)
  await write('assets', numbers.map(assetOf))
  await write('asset_aliases', numbers.map(aliasOf))
  await write('annotation_records', numbers.flatMap(boxesOf))
  await write('annotation_sets', numbers.map(setOf))
  await write('datums', numbers.map(datumOf))
  await write('dataset_versions', [
    {
      ...sampleDataset,
      dataset_version_id: sampleId('dataset_version', 0),
      manifest: numbers.map((number) => sampleId('datum', number)),
      metadata: {},
      created_at: timeOf(count),
    },
  ])
}

function timeOf(number: number): string {
  return new Date(startsAt + number).toISOString()
}

function assetOf(number: number) {
  const ref = { mount: 'main', name: `images/image_${number}.jpg`, version: '1.0.0' }
  const storage_ref = { ...ref, qualified_key: `main/${ref.name}@1.0.0` }
  const at = timeOf(number)
  return {
    asset_id: sampleId('asset', number),
    kind: 'image',
    media_type: 'image/jpeg',
    storage_ref,
    checksum: `sha256:${createHash('sha256').update(String(number)).digest('hex')}`,
    size_bytes: 50_000,
    payload_status: 'present',
    payload_status_updated_at: at,
    payload_storage_ref: storage_ref,
    payload_size_bytes: 50_000,
    payload_verified_at: at,
    metadata: { source_path: `image_${number}.jpg`, width: 640, height: 480 },
    created_at: at,
    updated_at: at,
  }
}

function aliasOf(number: number) {
  const asset_id = sampleId('asset', number)
  const alias_id = sampleId('alias', number)
  return { alias_id, alias: asset_id, asset_id, is_primary: true, created_at: timeOf(number) }
}

function boxesOf(number: number) {
  return Array.from({ length: boxesPerDatum }, (_, box) => ({
    ...sampleBox(number * boxesPerDatum + box),
    annotation_id: sampleId('annotation', number * boxesPerDatum + box),
    subject: { kind: 'asset', id: sampleId('asset', number) },
    created_at: timeOf(number),
    updated_at: timeOf(number),
  }))
}

/** A box as `annotation_records.add` takes it. */
export function sampleBox(number: number) {
  return {
    kind: 'bbox',
    label: `label_${number % 20}`,
    score: (number % 100) / 100,
    source: { type: 'human', name: 'bench', version: '1', metadata: {} },
    geometry: { type: 'bbox', x: number % 640, y: number % 480, width: 20.5, height: 33.25 },
    attributes: { difficult: 0, pose: 'Unspecified' },
    metadata: {},
  }
}

function setOf(number: number) {
  return {
    annotation_set_id: sampleId('annotation_set', number),
    name: 'boxes',
    purpose: 'ground_truth',
    source_type: 'human',
    status: 'active',
    annotation_record_ids: boxesOf(number).map(({ annotation_id }) => annotation_id),
    metadata: {},
    created_at: timeOf(number),
    updated_at: timeOf(number),
  }
}

function datumOf(number: number) {
  return {
    datum_id: sampleId('datum', number),
    split: 'train',
    asset_refs: { image: sampleId('asset', number) },
    metadata: { number },
    annotation_set_ids: [sampleId('annotation_set', number)],
    created_at: timeOf(number),
    updated_at: timeOf(number),
  }
}
