import {
  type AnnotationSet,
  type ArchiveRead,
  type Asset,
  AssetArchiveInput,
  DatasetArchiveInput,
  type LakeStreams,
  ObjectArchiveInput,
  type PayloadRead,
  parse,
} from '@mindtrace/contract'
import { type CallOptions, inGroups } from '@mindtrace/core'
import type { Manifest, Manifests } from '../datasets/manifests.ts'
import type { LakeParts } from '../lake-parts.ts'
import { notFound } from '../records/references.ts'
import { resolveDatums } from '../records/resolve.ts'
import { extensionOf, safePart } from './archive-names.ts'
import { openedAhead } from './opened-ahead.ts'
import { type TarFile, tarOf } from './tar.ts'

type Archives = Pick<LakeStreams, 'archiveDataset' | 'archiveAssets' | 'archiveObjects'>
type Read = Pick<LakeStreams, 'readAsset' | 'readObject' | 'rows'>

/** Datums that are resolved at a time. */
const datumsAtOnce = 50
/** Objects have no time that every mount knows. */
const epoch = new Date(0)

/** The archives of the in-process lake. */
export function lakeArchives(parts: LakeParts, manifests: Manifests, read: Read): Archives {
  return {
    archiveDataset: async (input, options = {}) => {
      const { dataset_name, version, payloads } = parse(DatasetArchiveInput, input, 'the archive')
      const head = await manifests.head(dataset_name, version, options)
      const manifest = await manifests.open(head.dataset_version_id, options)
      const time = new Date(head.created_at)
      const first = { format: 'mindtrace.archive/1', dataset_version: head, datums: manifest.size }
      async function* files() {
        yield jsonFile('dataset_version.json', first, time)
        yield* samples(parts, read, manifest, time, payloads, options)
      }
      return archive(`${dataset_name}@${version}`, files(), options)
    },
    archiveAssets: async (input, options = {}) => {
      const { payloads, ...listed } = parse(AssetArchiveInput, input, 'the archive')
      const assets = read.rows('assets.list_page', listed, options)[Symbol.asyncIterator]()
      // What is refused is refused now.
      const first = await assets.next()
      async function* rest() {
        for (let next = first; !next.done; next = await assets.next()) yield next.value
      }
      async function* planned() {
        for await (const asset of rest()) {
          const [path, time] = [`assets/${safePart(asset.asset_id)}`, new Date(asset.created_at)]
          yield given(jsonFile(`${path}.json`, asset, time))
          if (payloads) yield payloadOf(read, asset, path, time, options)
        }
      }
      return archive('assets', openedAhead(planned()), options)
    },
    archiveObjects: async (input, options = {}) => {
      const { objects } = parse(ObjectArchiveInput, input, 'the archive')
      const [first] = objects
      if (first !== undefined) {
        const registry = parts.store.registry(first.mount)
        await registry.info(first.name, { ...options, version: first.version ?? undefined })
      }
      async function* planned() {
        for (const location of objects) {
          yield async () => {
            const opened = await read.readObject(location, options)
            const { mount, name, version } = opened.storageRef
            return fileOf(opened, `objects/${safePart(mount)}/${name}@${version}`, epoch)
          }
        }
      }
      return archive('objects', openedAhead(planned()), options)
    },
  }
}

function archive(name: string, files: AsyncIterable<TarFile>, options: CallOptions): ArchiveRead {
  return { body: tarOf(files, options), fileName: `${safePart(name)}.tar` }
}

async function* samples(
  parts: LakeParts,
  read: Read,
  manifest: Manifest,
  time: Date,
  payloads: boolean,
  options: CallOptions,
): AsyncGenerator<TarFile> {
  const schemas = new Set<string>()
  async function* planned() {
    let place = 0
    for await (const group of inGroups(idsOf(manifest, options), datumsAtOnce)) {
      for (const resolved of await resolved_(parts, group, options)) {
        const path = `samples/${String(place).padStart(8, '0')}`
        place += 1
        schemaIds(resolved.annotation_sets, schemas)
        yield given(jsonFile(`${path}.json`, resolved, time))
        if (!payloads) continue
        for (const [role, asset] of Object.entries(resolved.assets)) {
          yield payloadOf(read, asset, `${path}.${safePart(role)}`, time, options)
        }
      }
    }
  }
  yield* openedAhead(planned())
  const ids = [...schemas].sort()
  const found = await parts.records.annotationSchemas.getMany(ids, options)
  const annotation_schemas = ids.map((id) => {
    const schema = found.get(id)
    if (schema === undefined) throw notFound('Annotation schema', 'annotation_schema_id', [id])
    return schema
  })
  yield jsonFile('annotation_schemas.json', { annotation_schemas }, time)
}

async function* idsOf(manifest: Manifest, options: CallOptions): AsyncGenerator<string> {
  for (let from = 0; from < manifest.size; from += 1000) {
    yield* await manifest.slice(from, from + 1000, options)
  }
}

async function resolved_({ records }: LakeParts, ids: readonly string[], options: CallOptions) {
  const found = await records.datums.getMany(ids, options)
  const datums = ids.map((id) => {
    const datum = found.get(id)
    if (datum === undefined) throw notFound('Datum', 'datum_id', [id])
    return datum
  })
  return await resolveDatums(records, datums, options)
}

function schemaIds(sets: readonly AnnotationSet[], into: Set<string>): void {
  for (const { annotation_schema_id: id } of sets) if (id !== null) into.add(id)
}

function payloadOf(
  read: Read,
  asset: Asset,
  path: string,
  time: Date,
  options: CallOptions,
): () => Promise<TarFile> {
  return async () => {
    const opened = await read.readAsset(asset.asset_id, options)
    return fileOf(opened, `${path}${extensionOf(asset.media_type, opened.storageRef.name)}`, time)
  }
}

function fileOf({ body, sizeBytes }: PayloadRead, path: string, modifiedAt: Date): TarFile {
  return { path, sizeBytes, modifiedAt, body }
}

function jsonFile(path: string, value: unknown, modifiedAt: Date): TarFile {
  const body = new TextEncoder().encode(`${JSON.stringify(value)}\n`)
  return { path, sizeBytes: body.byteLength, modifiedAt, body }
}

function given(file: TarFile): () => Promise<TarFile> {
  return async () => file
}
