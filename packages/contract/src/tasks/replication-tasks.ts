import { z } from 'zod'
import { instant, jsonObject, nullable } from '../model/primitives.ts'
import {
  ReplicationEntityKind,
  ReplicationHydratePolicy,
  ReplicationTask,
  ReplicationTaskStatus,
} from '../model/replication.ts'
import { task } from './task.ts'

export const ReplicationTaskClaimInput = z
  .object({
    worker_id: z.string(),
    limit: z.int().min(1).max(100).default(10),
    lease_seconds: z.int().min(1).default(300),
  })
  .meta({ id: 'ReplicationTaskClaimInput' })
export type ReplicationTaskClaimInput = z.infer<typeof ReplicationTaskClaimInput>

export const ReplicationTaskClaimOutput = z
  .object({
    tasks: z.array(ReplicationTask).default([]),
  })
  .meta({ id: 'ReplicationTaskClaimOutput' })
export type ReplicationTaskClaimOutput = z.infer<typeof ReplicationTaskClaimOutput>

export const ReplicationTaskEnqueueInput = z
  .object({
    target_lake_id: z.string(),
    root_kind: ReplicationEntityKind,
    root_id: z.string(),
    rule_id: nullable(z.string()),
    dedupe_key: nullable(z.string()),
    source_version: nullable(z.string()),
    hydrate_policy: ReplicationHydratePolicy.default('async'),
    mount_map: z.record(z.string(), z.string()).default({}),
    include_graph: z.boolean().default(true),
    max_attempts: z.int().min(1).default(5),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'ReplicationTaskEnqueueInput' })
export type ReplicationTaskEnqueueInput = z.infer<typeof ReplicationTaskEnqueueInput>

export const ReplicationTaskEnqueueOutput = z
  .object({
    task: ReplicationTask,
    created: z.boolean(),
  })
  .meta({ id: 'ReplicationTaskEnqueueOutput' })
export type ReplicationTaskEnqueueOutput = z.infer<typeof ReplicationTaskEnqueueOutput>

export const ReplicationTaskFailInput = z
  .object({
    task_id: z.string(),
    error: z.string(),
    worker_id: nullable(z.string()),
    retry_delay_seconds: z.int().min(0).default(60),
  })
  .meta({ id: 'ReplicationTaskFailInput' })
export type ReplicationTaskFailInput = z.infer<typeof ReplicationTaskFailInput>

export const ReplicationTaskIdInput = z
  .object({
    task_id: z.string(),
  })
  .meta({ id: 'ReplicationTaskIdInput' })
export type ReplicationTaskIdInput = z.infer<typeof ReplicationTaskIdInput>

export const ReplicationTaskListInput = z
  .object({
    status: nullable(ReplicationTaskStatus),
    target_lake_id: nullable(z.string()),
    root_kind: nullable(ReplicationEntityKind),
    rule_id: nullable(z.string()),
    limit: z.int().min(1).max(1000).default(100),
  })
  .meta({ id: 'ReplicationTaskListInput' })
export type ReplicationTaskListInput = z.infer<typeof ReplicationTaskListInput>

export const ReplicationTaskListOutput = z
  .object({
    tasks: z.array(ReplicationTask).default([]),
  })
  .meta({ id: 'ReplicationTaskListOutput' })
export type ReplicationTaskListOutput = z.infer<typeof ReplicationTaskListOutput>

export const ReplicationTaskOutput = z
  .object({
    task: ReplicationTask,
  })
  .meta({ id: 'ReplicationTaskOutput' })
export type ReplicationTaskOutput = z.infer<typeof ReplicationTaskOutput>

/** Tasks of these statuses are over and may be deleted. */
const archival: ReadonlySet<string> = new Set(['complete', 'dead', 'cancelled'])

export const ReplicationTaskPurgeInput = z
  .object({
    older_than_seconds: z.int().min(3600).max(31622400).default(86400),
    statuses: nullable(z.array(ReplicationTaskStatus)).refine(
      (statuses) => statuses?.every((status) => archival.has(status)) ?? true,
      'statuses may only name complete, dead and cancelled',
    ),
    limit: z.int().min(1).max(5000).default(500),
    dry_run: z.boolean().default(false),
    purge_secret: nullable(z.string()),
  })
  .meta({ id: 'ReplicationTaskPurgeInput' })
export type ReplicationTaskPurgeInput = z.infer<typeof ReplicationTaskPurgeInput>

export const ReplicationTaskPurgeOutput = z
  .object({
    dry_run: z.boolean(),
    cutoff: instant(),
    total_candidates: z.int(),
    selected_count: z.int(),
    deleted_count: z.int(),
    deleted_task_ids: z.array(z.string()).default([]),
  })
  .meta({ id: 'ReplicationTaskPurgeOutput' })
export type ReplicationTaskPurgeOutput = z.infer<typeof ReplicationTaskPurgeOutput>

export const ReplicationTaskStatusUpdateInput = z
  .object({
    task_id: z.string(),
    status: ReplicationTaskStatus,
    worker_id: nullable(z.string()),
    error: nullable(z.string()),
    progress_phase: nullable(z.string()),
    progress_message: nullable(z.string()),
    completed_items: nullable(z.int()),
    total_items: nullable(z.int()),
    bytes_completed: nullable(z.int()),
    bytes_total: nullable(z.int()),
  })
  .meta({ id: 'ReplicationTaskStatusUpdateInput' })
export type ReplicationTaskStatusUpdateInput = z.infer<typeof ReplicationTaskStatusUpdateInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const replicationTasksTasks = {
  'replication.tasks.enqueue': task({
    summary: 'Adds an outbox task, or returns the existing one with the same dedupe key.',
    input: ReplicationTaskEnqueueInput,
    output: ReplicationTaskEnqueueOutput,
  }),
  'replication.tasks.list': task({
    summary: 'Lists tasks, oldest first.',
    input: ReplicationTaskListInput,
    output: ReplicationTaskListOutput,
    reads: true,
  }),
  'replication.tasks.get': task({
    summary: 'Fetches one task.',
    input: ReplicationTaskIdInput,
    output: ReplicationTaskOutput,
    reads: true,
    statuses: [404],
  }),
  'replication.tasks.claim': task({
    summary: 'Leases due tasks to a worker.',
    input: ReplicationTaskClaimInput,
    output: ReplicationTaskClaimOutput,
  }),
  'replication.tasks.update_status': task({
    summary: 'Sets status and progress of a task.',
    input: ReplicationTaskStatusUpdateInput,
    output: ReplicationTaskOutput,
    statuses: [404, 409],
  }),
  'replication.tasks.fail': task({
    summary: 'Counts a failed attempt and schedules a retry or declares the task dead.',
    input: ReplicationTaskFailInput,
    output: ReplicationTaskOutput,
    statuses: [404, 409],
  }),
  'replication.tasks.retry': task({
    summary: 'Makes a task pending again at once.',
    input: ReplicationTaskIdInput,
    output: ReplicationTaskOutput,
    statuses: [404, 409],
  }),
  'replication.tasks.purge': task({
    summary: 'Deletes finished tasks older than a cutoff.',
    input: ReplicationTaskPurgeInput,
    output: ReplicationTaskPurgeOutput,
    needs: 'destructive',
    statuses: [400, 403],
  }),
} as const
