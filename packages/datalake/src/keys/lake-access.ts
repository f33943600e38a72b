import type { LakeAccess } from '@mindtrace/contract'
import { isMindtraceError } from '@mindtrace/core'
import type { LakeParts } from '../lake-parts.ts'

/** What a service reads and writes below the tasks: hashes of keys, the audit log. */
export function lakeAccess({ records }: Pick<LakeParts, 'records'>): LakeAccess {
  return {
    keys: async (options = {}) => {
      const keys = await records.apiKeys.find({ revoked_at: null }, options)
      const required = keys.length > 0 || (await records.apiKeys.exists({}, options))
      return { required, keys }
    },
    markUsed: async (used, options = {}) => {
      for (const [key, last_used_at] of used) {
        try {
          await records.apiKeys.update(key, { set: { last_used_at } }, options)
        } catch (error) {
          if (!isMindtraceError(error, 'NOT_FOUND')) throw error
        }
      }
    },
    record: async (entries, options = {}) => {
      await records.auditEntries.insertMany(entries, options)
    },
    forgetBefore: async (instant, options = {}) =>
      await records.auditEntries.deleteMany({ at: { $lt: instant } }, options),
  }
}
