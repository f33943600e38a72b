import { IngestState, instant, jsonObject, nullable } from '@mindtrace/contract'
import { defineCollection } from '@mindtrace/database'
import { z } from 'zod'

/** One ingest into one dataset version. Ours alone: no program of the reference reads it. */
export const ingestSessions = defineCollection({
  name: 'mt_ingest_sessions',
  schema: z.object({
    session_id: z.string(),
    dataset_name: z.string(),
    version: z.string(),
    description: nullable(z.string()),
    mount: z.string(),
    created_by: nullable(z.string()),
    metadata: jsonObject().default({}),
    state: IngestState,
    dataset_version_id: nullable(z.string()),
    created_at: instant(),
    updated_at: instant(),
  }),
  key: 'session_id',
})

/**
 * The journal: one row for each sample that an ingest has written, made in the same transaction as the
 * sample's records. It says what is done after a crash, and whether a repetition brings the same.
 */
export const ingestSamples = defineCollection({
  name: 'mt_ingest_samples',
  schema: z.object({
    sample_id: z.string(),
    session_id: z.string(),
    source_key: z.string(),
    ordinal: z.int(),
    digest: z.string(),
    datum_id: z.string(),
    asset_ids: z.record(z.string(), z.string()),
  }),
  key: 'sample_id',
  indexes: [{ on: ['session_id', 'ordinal', 'sample_id'], name: 'mt_ingest_session_ordinal' }],
})
