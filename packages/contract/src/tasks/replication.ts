import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import {
  ReplicationBatchRequest,
  ReplicationBatchResult,
  ReplicationReclaimRequest,
  ReplicationReclaimResult,
  ReplicationReconcileRequest,
  ReplicationReconcileResult,
  ReplicationStatusResult,
} from '../model/replication.ts'
import { AssetOutput } from './assets.ts'
import { GetByIdInput } from './requests.ts'
import { task } from './task.ts'

export const ReplicationBatchResultOutput = z
  .object({
    result: ReplicationBatchResult,
  })
  .meta({ id: 'ReplicationBatchResultOutput' })
export type ReplicationBatchResultOutput = z.infer<typeof ReplicationBatchResultOutput>

export const ReplicationHydrateAssetPayloadInput = z
  .object({
    asset_id: z.string(),
    mount_map: z.record(z.string(), z.string()).default({}),
  })
  .meta({ id: 'ReplicationHydrateAssetPayloadInput' })
export type ReplicationHydrateAssetPayloadInput = z.infer<
  typeof ReplicationHydrateAssetPayloadInput
>

export const ReplicationMarkLocalDeleteEligibleInput = z
  .object({
    asset_id: z.string(),
    when: nullable(instant()),
  })
  .meta({ id: 'ReplicationMarkLocalDeleteEligibleInput' })
export type ReplicationMarkLocalDeleteEligibleInput = z.infer<
  typeof ReplicationMarkLocalDeleteEligibleInput
>

export const ReplicationReclaimResultOutput = z
  .object({
    result: ReplicationReclaimResult,
  })
  .meta({ id: 'ReplicationReclaimResultOutput' })
export type ReplicationReclaimResultOutput = z.infer<typeof ReplicationReclaimResultOutput>

export const ReplicationReconcileResultOutput = z
  .object({
    result: ReplicationReconcileResult,
  })
  .meta({ id: 'ReplicationReconcileResultOutput' })
export type ReplicationReconcileResultOutput = z.infer<typeof ReplicationReconcileResultOutput>

export const ReplicationStatusOutput = z
  .object({
    status: ReplicationStatusResult,
  })
  .meta({ id: 'ReplicationStatusOutput' })
export type ReplicationStatusOutput = z.infer<typeof ReplicationStatusOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const replicationTasks = {
  'replication.upsert_batch': task({
    summary:
      'Upserts assets, schemas, records, sets and datums coming from another lake, payloads pending.',
    input: ReplicationBatchRequest,
    output: ReplicationBatchResultOutput,
  }),
  'replication.hydrate_asset_payload': task({
    summary: "Copies an asset's payload inside this lake and marks it present.",
    input: ReplicationHydrateAssetPayloadInput,
    output: AssetOutput,
    statuses: [404, 409],
  }),
  'replication.reconcile': task({
    summary: 'Tries hydrate on every missing (and by default corrupt) asset.',
    input: ReplicationReconcileRequest,
    output: ReplicationReconcileResultOutput,
  }),
  'replication.mark_local_delete_eligible': task({
    summary: 'Marks a source asset as safe to delete locally.',
    input: ReplicationMarkLocalDeleteEligibleInput,
    output: AssetOutput,
    statuses: [404, 409],
  }),
  'replication.delete_local_payload': task({
    summary: 'Deletes the payload bytes of an eligible asset.',
    input: GetByIdInput,
    output: AssetOutput,
    statuses: [404, 409],
  }),
  'replication.reclaim_verified_payloads': task({
    summary: 'Marks and deletes payloads of all verified assets.',
    input: ReplicationReclaimRequest,
    output: ReplicationReclaimResultOutput,
  }),
  'replication.status': task({
    summary: 'Counts assets by payload status and lists pending, failed and reclaimable ids.',
    input: null,
    output: ReplicationStatusOutput,
    reads: true,
  }),
} as const
