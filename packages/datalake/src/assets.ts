import type { Asset, AssetAlias, ParsedInput, StorageRef } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { putWhole } from './objects.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction, type Records } from './records/records.ts'
import { notFound, requireAll } from './records/references.ts'
import { SharedWrites } from './records/shared-writes.ts'
import { checkField } from './records/update.ts'

/** Assets: payloads with an identity, and the aliases that name them. */
export function assetHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).assets
  const inserts = new SharedWrites((inputs: readonly NewAsset[]) => insertAssets(parts, inputs))
  const create = async (input: NewAsset, options: CallOptions) => ({
    asset: await inserts.write(input, options),
  })
  return {
    'assets.create': create,
    'assets.create_from_uploaded_object': create,
    'assets.get': async ({ id }, options) => ({
      asset: await assetByIdOrAlias(records, id, options),
    }),
    'assets.get_by_alias': async ({ alias }, options) => {
      const row = await records.assetAliases.findOne({ alias }, options)
      if (row === undefined) throw notFound('Asset alias', 'alias', [alias])
      return { asset: await records.assets.get(row.asset_id, options) }
    },
    'assets.list': async ({ filters }, options) => ({
      assets: await listAll(parts, listing, filters, options),
    }),
    'assets.list_page': (input, options) => listPage(parts, listing, input, options),
    'assets.update_metadata': async ({ asset_id, metadata }, options) => ({
      asset: await records.assets.update(
        asset_id,
        { set: { metadata, updated_at: clock.now() } },
        options,
      ),
    }),
    'assets.delete': async ({ id }, options) => {
      await inTransaction(parts.database, (tx) => deleteAsset(tx, id), options)
      return null
    },
    'assets.create_from_object': async (input, options) => {
      // Before the bytes: an object whose asset is then refused would be left over.
      checkField(definitions.assets, 'kind', input.kind, ['kind'])
      const written = await putWhole(
        parts,
        {
          name: input.name,
          mount: input.mount,
          version: input.version,
          metadata: input.object_metadata,
          on_conflict: input.on_conflict,
          data_base64: input.data_base64,
        },
        options,
      )
      return {
        asset: await inserts.write(
          {
            kind: input.kind,
            media_type: input.media_type,
            storage_ref: written.storage_ref,
            checksum: input.checksum,
            size_bytes: input.size_bytes,
            subject: input.subject,
            metadata: input.asset_metadata,
            created_by: input.created_by,
          },
          options,
        ),
      }
    },
    'aliases.add': async ({ asset_id, alias }, options) => ({
      asset_alias: await addAlias(parts, asset_id, alias, options),
    }),
  } satisfies Handlers
}

/** The asset of an id, or, where none has it, of an alias of that text (decision 14). */
async function assetByIdOrAlias(
  records: Records,
  id: string,
  options: CallOptions,
): Promise<Asset> {
  const byId = (await records.assets.getMany([id], options)).get(id)
  if (byId !== undefined) return byId
  const row = await records.assetAliases.findOne({ alias: id }, options)
  if (row === undefined) throw notFound('Asset', 'asset_id', [id])
  return await records.assets.get(row.asset_id, options)
}

type NewAsset = ParsedInput<'assets.create'>

function assetOf(input: NewAsset, now: string) {
  return {
    asset_id: newId('asset'),
    kind: input.kind as 'other',
    media_type: input.media_type,
    storage_ref: input.storage_ref,
    checksum: input.checksum,
    size_bytes: input.size_bytes,
    payload_status: 'present' as const,
    payload_status_updated_at: now,
    payload_status_reason: null,
    payload_storage_ref: input.storage_ref,
    payload_checksum: input.checksum,
    payload_size_bytes: input.size_bytes,
    payload_verified_at: now,
    subject: input.subject,
    metadata: input.metadata ?? {},
    created_at: now,
    created_by: input.created_by,
    updated_at: now,
  }
}

/** Inserts assets with their primary aliases, all or none. @throws `DUPLICATE`, `VALIDATION_FAILED`, `TOO_LARGE`. */
function insertAssets(
  { database, clock }: LakeParts,
  inputs: readonly NewAsset[],
): Promise<Asset[]> {
  const now = clock.now()
  const assets = inputs.map((input) => assetOf(input, now))
  return inTransaction(database, async (tx) => {
    const aliases = assets.map(({ asset_id }) => primaryAlias(asset_id, now))
    const [asset, another] = assets
    const [alias] = aliases
    if (asset !== undefined && alias !== undefined && another === undefined) {
      const stored = await tx.assets.insert(asset)
      await tx.assetAliases.insert(alias)
      return [stored]
    }
    const { inserted, duplicates } = await tx.assets.insertMany(assets)
    const second = await tx.assetAliases.insertMany(aliases)
    const [taken] = [...duplicates, ...second.duplicates]
    if (taken === undefined) return [...inserted]
    throw new MindtraceError('DUPLICATE', `'${taken.value}' is taken already`, {
      details: { on: taken.on, value: taken.value },
    })
  })
}

/** The alias row that every asset has: its own id. */
export function primaryAlias(assetId: string, now: string, aliasId = newId('alias')) {
  return { alias_id: aliasId, alias: assetId, asset_id: assetId, is_primary: true, created_at: now }
}

/** Insert first, look afterwards: whoever loses a race learns who has the alias. */
async function addAlias(
  { database, records, clock }: LakeParts,
  assetId: string,
  alias: string,
  options: CallOptions,
): Promise<AssetAlias> {
  const row = {
    alias_id: newId('alias'),
    alias,
    asset_id: assetId,
    is_primary: alias === assetId,
    created_at: clock.now(),
  }
  try {
    return await inTransaction(
      database,
      async (tx) => {
        await requireAll(tx.assets, 'Asset', 'asset_id', [assetId], {})
        return await tx.assetAliases.insert(row)
      },
      options,
    )
  } catch (error) {
    if (!isMindtraceError(error, 'DUPLICATE')) throw error
    const holder = await records.assetAliases.findOne({ alias }, options)
    if (holder?.asset_id === assetId) return holder
    throw new MindtraceError(
      'DUPLICATE',
      `Alias '${alias}' already belongs to asset '${holder?.asset_id ?? 'unknown'}'`,
      { cause: error, details: { alias, asset_id: holder?.asset_id ?? null } },
    )
  }
}

async function deleteAsset(tx: Records, id: string): Promise<void> {
  await tx.assets.get(id, { fields: ['asset_id'] })
  const [datums, items] = [
    await tx.datums.count({ 'asset_refs.*': id }),
    await tx.collectionItems.count({ asset_id: id }),
  ]
  if (datums + items > 0) {
    throw new MindtraceError(
      'CONFLICT',
      `Asset '${id}' is still referenced by ${datums} datum(s) and ${items} collection item(s)`,
      { details: { asset_id: id, datums, collection_items: items } },
    )
  }
  await tx.assetAliases.deleteMany({ asset_id: id })
  await tx.assets.delete(id)
}

/** Where an asset's bytes lie on this lake: `payload_storage_ref`, else the declared place. */
export function payloadRef(asset: Pick<Asset, 'payload_storage_ref' | 'storage_ref'>): StorageRef {
  return asset.payload_storage_ref ?? asset.storage_ref
}
