import { newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction, type Records } from './records/records.ts'
import { requireAll } from './records/references.ts'
import { checkChanges, setFields } from './records/update.ts'

/** Annotation sets: records that belong together, usually one set for each datum and purpose. */
export function annotationSetHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).annotationSets
  return {
    'annotation_sets.create': async (input, options) => {
      const { annotation_schema_id, datum_id } = input
      const annotation_set = await inTransaction(
        parts.database,
        async (tx) => {
          await requireSchema(tx, annotation_schema_id)
          if (datum_id !== null) await requireAll(tx.datums, 'Datum', 'datum_id', [datum_id], {})
          const now = clock.now()
          const set = await tx.annotationSets.insert({
            annotation_set_id: newId('annotation_set'),
            name: input.name,
            purpose: input.purpose as 'other',
            source_type: input.source_type as 'human',
            status: input.status as 'draft',
            annotation_schema_id,
            annotation_record_ids: [],
            metadata: input.metadata ?? {},
            created_at: now,
            created_by: input.created_by,
            updated_at: now,
          })
          if (datum_id !== null) {
            await tx.datums.update(datum_id, {
              add: { annotation_set_ids: [set.annotation_set_id] },
              set: { updated_at: now },
            })
          }
          return set
        },
        options,
      )
      return { annotation_set }
    },
    'annotation_sets.get': async ({ id }, options) => ({
      annotation_set: await records.annotationSets.get(id, options),
    }),
    'annotation_sets.list': async ({ filters }, options) => ({
      annotation_sets: await listAll(parts, listing, filters, options),
    }),
    'annotation_sets.list_page': (input, options) => listPage(parts, listing, input, options),
    'annotation_sets.update': async ({ annotation_set_id, changes }, options) => {
      const mutable = [
        'name',
        'purpose',
        'source_type',
        'status',
        'annotation_schema_id',
        'annotation_record_ids',
        'metadata',
      ] as const
      const checked = checkChanges(definitions.annotationSets, mutable, changes)
      const annotation_set = await inTransaction(
        parts.database,
        async (tx) => {
          await requireSchema(tx, checked.annotation_schema_id ?? null)
          const recordIds = checked.annotation_record_ids ?? []
          const what = 'Annotation record'
          await requireAll(tx.annotationRecords, what, 'annotation_id', recordIds, {})
          return await setFields(parts, tx.annotationSets, annotation_set_id, checked, {})
        },
        options,
      )
      return { annotation_set }
    },
  } satisfies Handlers
}

async function requireSchema(tx: Records, id: string | null): Promise<void> {
  if (id === null) return
  await requireAll(tx.annotationSchemas, 'Annotation schema', 'annotation_schema_id', [id], {})
}
