import { newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction } from './records/records.ts'
import { requireAll } from './records/references.ts'
import { checkChanges, setFields } from './records/update.ts'

/** Asset retentions: why an asset is to be kept. */
export function assetRetentionHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).assetRetentions
  return {
    'asset_retentions.create': async (input, options) => {
      const now = clock.now()
      const asset_retention = await inTransaction(
        parts.database,
        async (tx) => {
          await requireAll(tx.assets, 'Asset', 'asset_id', [input.asset_id], {})
          return await tx.assetRetentions.insert({
            asset_retention_id: newId('asset_retention'),
            asset_id: input.asset_id,
            owner_type: input.owner_type as 'manual_pin',
            owner_id: input.owner_id,
            retention_policy: input.retention_policy as 'retain',
            metadata: input.metadata ?? {},
            created_at: now,
            created_by: input.created_by,
            updated_at: now,
          })
        },
        options,
      )
      return { asset_retention }
    },
    'asset_retentions.get': async ({ id }, options) => ({
      asset_retention: await records.assetRetentions.get(id, options),
    }),
    'asset_retentions.list': async ({ filters }, options) => ({
      asset_retentions: await listAll(parts, listing, filters, options),
    }),
    'asset_retentions.list_page': (input, options) => listPage(parts, listing, input, options),
    'asset_retentions.update': async ({ asset_retention_id, changes }, options) => {
      const mutable = [
        'asset_id',
        'owner_type',
        'owner_id',
        'retention_policy',
        'metadata',
      ] as const
      const checked = checkChanges(definitions.assetRetentions, mutable, changes)
      const { asset_id } = checked
      const asset_retention = await inTransaction(
        parts.database,
        async (tx) => {
          if (asset_id !== undefined) {
            await requireAll(tx.assets, 'Asset', 'asset_id', [asset_id], {})
          }
          return await setFields(parts, tx.assetRetentions, asset_retention_id, checked, {})
        },
        options,
      )
      return { asset_retention }
    },
    'asset_retentions.delete': async ({ id }, options) => {
      await records.assetRetentions.delete(id, options)
      return null
    },
  } satisfies Handlers
}
