import { AuditEntry } from '@mindtrace/contract'
import { defineCollection } from '@mindtrace/database'

/** Who changed what. Ours alone, and appended to only: nothing but its retention removes an entry. */
export const auditEntries = defineCollection({
  name: 'mt_audit_log',
  schema: AuditEntry,
  key: 'audit_id',
  indexes: [
    { on: ['-at', '-audit_id'], name: 'mt_audit_at' },
    { on: ['actor', '-at', '-audit_id'], name: 'mt_audit_actor' },
  ],
})
