import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import { task } from '../tasks/task.ts'

/** How a write ended: done, not allowed, or not possible. */
export const AuditOutcome = z.enum(['done', 'refused', 'failed']).meta({ id: 'AuditOutcome' })
export type AuditOutcome = z.infer<typeof AuditOutcome>

/** One write: who, what, when, how it ended. Never a payload, never a secret. */
export const AuditEntry = z
  .object({
    audit_id: z.string(),
    at: instant(),
    /** The id of the key, or `local` where nobody was asked for one. */
    actor: z.string(),
    /** The name of the key at that time. */
    actor_name: nullable(z.string()),
    /** The task, or the stream. */
    task: z.string(),
    /** What it touched, as far as the request and the answer name it. */
    ids: z.record(z.string(), z.string()),
    outcome: AuditOutcome,
    /** The code of the error where it was not done. */
    error: nullable(z.string()),
    /** As in the header `x-request-id` of the answer and in the log. */
    request_id: nullable(z.string()),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditListInput = z
  .object({
    limit: z.int().min(1).max(1000).default(100),
    /** `next` of the page before. */
    cursor: nullable(z.string().max(200)),
    actor: nullable(z.string()),
    task: nullable(z.string()),
    outcome: nullable(AuditOutcome),
    since: nullable(instant()),
    until: nullable(instant()),
  })
  .meta({ id: 'AuditListInput' })

export const AuditListOutput = z
  .object({ entries: z.array(AuditEntry), next: nullable(z.string()) })
  .meta({ id: 'AuditListOutput' })

/** Who changed what in a served lake. */
export const auditTasks = {
  'audit.list': task({
    summary: 'Lists the writes to the served lake, the last ones first.',
    input: AuditListInput,
    output: AuditListOutput,
    reads: true,
    needs: 'admin',
    statuses: [400],
  }),
} as const
