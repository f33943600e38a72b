import type { Lake, LakeAccess } from '@mindtrace/contract'
import { newId } from '@mindtrace/core'

/** Writes down what was done to the keys of a lake in this process; a service does so by itself. */
export async function auditLocally(lake: Lake, task: string, keyId: string): Promise<void> {
  const { access } = lake as Lake & { readonly access?: LakeAccess }
  await access?.record([
    {
      audit_id: newId('audit'),
      at: new Date().toISOString(),
      actor: 'local',
      actor_name: null,
      task,
      ids: { key_id: keyId },
      outcome: 'done',
      error: null,
      request_id: null,
    },
  ])
}
