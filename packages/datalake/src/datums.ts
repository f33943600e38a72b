import type { ResolvedDatum } from '@mindtrace/contract'
import { MindtraceError, newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction, type Records } from './records/records.ts'
import { requireAll } from './records/references.ts'
import { resolveDatums } from './records/resolve.ts'
import { checkChanges, setFields } from './records/update.ts'

/** Datums: the samples that datasets are made of. */
export function datumHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).datums
  return {
    'datums.create': async (input, options) => {
      const annotation_set_ids = input.annotation_set_ids ?? []
      const now = clock.now()
      const row = {
        datum_id: newId('datum'),
        split: input.split as 'train' | null,
        asset_refs: input.asset_refs,
        metadata: input.metadata ?? {},
        annotation_set_ids,
        created_at: now,
        updated_at: now,
      }
      const datum = await inTransaction(
        parts.database,
        async (tx) => {
          await requireLinks(tx, row)
          return await tx.datums.insert(row)
        },
        options,
      )
      return { datum }
    },
    'datums.get': async ({ id }, options) => ({ datum: await records.datums.get(id, options) }),
    'datums.list': async ({ filters }, options) => ({
      datums: await listAll(parts, listing, filters, options),
    }),
    'datums.list_page': (input, options) => listPage(parts, listing, input, options),
    'datums.update': async ({ datum_id, changes }, options) => {
      const mutable = ['asset_refs', 'split', 'metadata', 'annotation_set_ids'] as const
      const checked = checkChanges(definitions.datums, mutable, changes)
      const datum = await inTransaction(
        parts.database,
        async (tx) => {
          await requireLinks(tx, checked)
          return await setFields(parts, tx.datums, datum_id, checked, {})
        },
        options,
      )
      return { datum }
    },
    'datums.resolve': async ({ id }, options) => {
      const datum = await records.datums.get(id, options)
      const [resolved] = await resolveDatums(records, [datum], options)
      return { resolved_datum: resolved as ResolvedDatum }
    },
  } satisfies Handlers
}

async function requireLinks(
  tx: Records,
  links: {
    readonly asset_refs?: Readonly<Record<string, string>> | undefined
    readonly annotation_set_ids?: readonly string[] | undefined
  },
): Promise<void> {
  for (const [role, id] of Object.entries(links.asset_refs ?? {})) {
    if (id.trim() === '') {
      throw new MindtraceError('INVALID_INPUT', `asset_refs.${role} is blank: give an asset_id`)
    }
  }
  const assetIds = Object.values(links.asset_refs ?? {})
  await requireAll(tx.assets, 'Asset', 'asset_id', assetIds, {})
  const setIds = links.annotation_set_ids ?? []
  await requireAll(tx.annotationSets, 'Annotation set', 'annotation_set_id', setIds, {})
}
