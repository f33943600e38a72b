import { instant } from '@mindtrace/contract'
import { defineCollection } from '@mindtrace/database'
import { z } from 'zod'

/**
 * Payloads that somebody is about to store, or has stored, and will refer to. Written before the bytes are
 * looked for, gone with the records that name them.
 */
export const announcedPayloads = defineCollection({
  name: 'mt_announced_payloads',
  schema: z.object({
    announcement_id: z.string(),
    mount: z.string(),
    names: z.array(z.string()),
    created_at: instant(),
  }),
  key: 'announcement_id',
})

/** Objects that a collection is about to remove. They stand here for the moment in which it does so. */
export const condemnedPayloads = defineCollection({
  name: 'mt_condemned_payloads',
  schema: z.object({
    /** `mount/name`. */
    object_key: z.string(),
    run_id: z.string(),
    created_at: instant(),
  }),
  key: 'object_key',
})
