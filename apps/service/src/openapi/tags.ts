import type { Json } from './json.ts'

/** What the families of operations are about, in the order of the document. */
const families: Readonly<Record<string, string>> = {
  service: 'The process and the lake as a whole.',
  datalake: 'The whole lake at once.',
  objects: 'Payloads under their names in mounts, as base64; larger ones are for the streams.',
  'objects.upload_session': 'Uploads past the service, to where the mount keeps its objects.',
  assets: 'Payloads with an identity: images, masks and other things that data is made of.',
  aliases: 'Other names of assets.',
  collections: 'Named groups of assets.',
  collection_items: 'What lies in a collection.',
  asset_retentions: 'Why an asset must not be deleted.',
  annotation_schemas: 'Which labels and kinds of annotations there may be.',
  annotation_sets: 'Annotations that belong together, by source and purpose.',
  annotation_records: 'Single annotations: boxes, masks, classes.',
  datums: 'Samples: assets in roles, with annotation sets.',
  dataset_versions: 'Immutable lists of datums, and their transfer.',
  dataset_sync: 'Graphs of records, between lakes.',
  replication: 'Copies of assets in another lake.',
  'replication.tasks': 'The outbox of the replication.',
  'datasets (v1)': 'Names of datasets, in their latest versions.',
  'keys (v1)': 'Who may use the service.',
  'audit (v1)': 'Who changed what.',
  'lake (v1)': 'Totals, checks and garbage of a lake.',
  'ingest (v1)': 'Many samples at once.',
  'uploads (v1)': 'Uploads with sizes, hashes and a way to go on.',
  'uploads.parts (v1)': 'Uploads in parts.',
  'downloads (v1)': 'Addresses of payloads that need no key.',
  'streams (v1)': 'Bytes that no JSON can carry.',
  probes: 'For whatever watches the service or makes clients of it.',
}

/** Under which family an operation stands. */
export function tagOf(name: string, isExtension: boolean): string {
  const family = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : 'service'
  return isExtension ? `${family} (v1)` : family
}

/** The families that operations stand under, told once. */
export function tagsOf(paths: Json): readonly Json[] {
  const operations = Object.values(paths).flatMap((path) => Object.values(path as Json))
  const used = new Set(operations.flatMap((operation) => (operation as { tags: string[] }).tags))
  const known = Object.keys(families).filter((name) => used.has(name))
  return [...known, ...[...used].filter((name) => !(name in families))].map((name) => ({
    name,
    ...(name in families ? { description: families[name] } : {}),
  }))
}
