import { isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction, type Records } from './records/records.ts'
import { requireAll } from './records/references.ts'
import { checkChanges, setFields } from './records/update.ts'

/** Collections: named groups of assets. */
export function collectionHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).collections
  return {
    'collections.create': async (input, options) => {
      const now = clock.now()
      const collection = await records.collections.insert(
        {
          collection_id: newId('collection'),
          name: input.name,
          description: input.description,
          status: input.status as 'active',
          metadata: input.metadata ?? {},
          created_at: now,
          created_by: input.created_by,
          updated_at: now,
        },
        options,
      )
      return { collection }
    },
    'collections.get': async ({ id }, options) => ({
      collection: await records.collections.get(id, options),
    }),
    'collections.list': async ({ filters }, options) => ({
      collections: await listAll(parts, listing, filters, options),
    }),
    'collections.list_page': (input, options) => listPage(parts, listing, input, options),
    'collections.update': async ({ collection_id, changes }, options) => {
      const mutable = ['name', 'description', 'status', 'metadata'] as const
      const checked = checkChanges(definitions.collections, mutable, changes)
      return {
        collection: await setFields(parts, records.collections, collection_id, checked, options),
      }
    },
    'collections.delete': async ({ id }, options) => {
      await inTransaction(
        parts.database,
        async (tx) => {
          await tx.collections.get(id, { fields: ['collection_id'] })
          await tx.collectionItems.deleteMany({ collection_id: id })
          await tx.collections.delete(id)
        },
        options,
      )
      return null
    },
  } satisfies Handlers
}

/** Collection items: an asset's membership in a collection. */
export function collectionItemHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).collectionItems
  return {
    'collection_items.create': async (input, options) => {
      const now = clock.now()
      const collection_item = await inTransaction(
        parts.database,
        async (tx) => {
          await requireEnds(tx, input)
          return await tx.collectionItems.insert({
            collection_item_id: newId('collection_item'),
            collection_id: input.collection_id,
            asset_id: input.asset_id,
            split: input.split as 'train' | null,
            status: input.status as 'active',
            metadata: input.metadata ?? {},
            added_at: now,
            added_by: input.added_by,
            updated_at: now,
          })
        },
        options,
      ).catch((error: unknown) => {
        throw itemError(error, input)
      })
      return { collection_item }
    },
    'collection_items.get': async ({ id }, options) => ({
      collection_item: await records.collectionItems.get(id, options),
    }),
    'collection_items.list': async ({ filters }, options) => ({
      collection_items: await listAll(parts, listing, filters, options),
    }),
    'collection_items.list_page': (input, options) => listPage(parts, listing, input, options),
    'collection_items.resolve': async ({ id }, options) => {
      const collection_item = await records.collectionItems.get(id, options)
      const [collection, asset] = await Promise.all([
        records.collections.get(collection_item.collection_id, options),
        records.assets.get(collection_item.asset_id, options),
      ])
      return { resolved_collection_item: { collection_item, collection, asset } }
    },
    'collection_items.update': async ({ collection_item_id, changes }, options) => {
      const mutable = ['collection_id', 'asset_id', 'split', 'status', 'metadata'] as const
      const checked = checkChanges(definitions.collectionItems, mutable, changes)
      const collection_item = await inTransaction(
        parts.database,
        async (tx) => {
          await requireEnds(tx, checked)
          return await setFields(parts, tx.collectionItems, collection_item_id, checked, {})
        },
        options,
      ).catch((error: unknown) => {
        throw itemError(error, checked)
      })
      return { collection_item }
    },
    'collection_items.delete': async ({ id }, options) => {
      await records.collectionItems.delete(id, options)
      return null
    },
  } satisfies Handlers
}

interface ItemEnds {
  readonly collection_id?: string | undefined
  readonly asset_id?: string | undefined
}

async function requireEnds(tx: Records, { collection_id, asset_id }: ItemEnds): Promise<void> {
  if (collection_id !== undefined) {
    await requireAll(tx.collections, 'Collection', 'collection_id', [collection_id], {})
  }
  if (asset_id !== undefined) await requireAll(tx.assets, 'Asset', 'asset_id', [asset_id], {})
}

/** Says which membership is taken, instead of which index. */
function itemError(cause: unknown, { collection_id, asset_id }: ItemEnds): unknown {
  if (!isMindtraceError(cause, 'DUPLICATE')) return cause
  const asset = asset_id === undefined ? 'The asset' : `Asset '${asset_id}'`
  const collection =
    collection_id === undefined ? 'the collection' : `collection '${collection_id}'`
  return new MindtraceError(
    'DUPLICATE',
    `${asset} is in ${collection} already; update its item instead`,
    { cause, details: { ...cause.details, collection_id, asset_id } },
  )
}
