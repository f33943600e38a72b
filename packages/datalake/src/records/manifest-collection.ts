import { defineCollection } from '@mindtrace/database'
import { z } from 'zod'

/**
 * A part of a manifest that is too long for its dataset version's document (decision 5): the document's
 * own array is empty then. Ours alone: Python sees an empty manifest.
 */
export const manifestChunks = defineCollection({
  name: 'mt_manifest_chunks',
  schema: z.object({
    chunk_id: z.string(),
    dataset_version_id: z.string(),
    /** Place among the chunks, from 0. */
    index: z.int(),
    /** Datums of the whole manifest. */
    total: z.int(),
    datum_ids: z.array(z.string()),
  }),
  key: 'chunk_id',
  indexes: [{ on: ['dataset_version_id', 'index'], unique: true, name: 'mt_manifest_chunk' }],
})
