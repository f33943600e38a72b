import {
  AssetArchiveInput,
  type AuditOutcome,
  allTasks,
  deferredRows,
  type LakeStreams,
  type Need,
  ObjectArchiveInput,
  type ObjectLocation,
  parse,
  streamScopes,
  type TaskCall,
  type TaskInput,
  type TaskName,
  type WriteObject,
} from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { AuditTrail } from './audit-trail.ts'
import { isUnlimited, type Principal } from './principal.ts'
import { applyRule, withinScopes } from './scope-check.ts'
import { touchedIds } from './touched-ids.ts'

/** One request's way to the lake: whatever it does is checked, and what it writes is written down. */
export interface Caller {
  readonly principal: Principal
  /** As in the header `x-request-id` of its answer. */
  readonly requestId: string
  /** Refuses what needs more than the caller is, before anything of it is read. @throws `FORBIDDEN`. */
  ensure(what: TaskName | keyof typeof streamNeeds): void
  readonly call: TaskCall
  readonly streams: LakeStreams
}

/** What a {@link createGuard} stands before. */
export interface GuardOptions {
  /** Every task, those about the process as well. */
  readonly call: TaskCall
  readonly streams: LakeStreams
  readonly trail: AuditTrail
  readonly now: () => string
  /** Whether what deletes everything, or ends the service, is served at all. */
  readonly allowDestructive: boolean
}

/** What the streams need of whoever uses them. */
export const streamNeeds = {
  readAsset: 'reader',
  readObject: 'reader',
  writeObject: 'writer',
  ingestGroup: 'writer',
  // And what the page task needs.
  rows: 'reader',
  archiveDataset: 'reader',
  archiveAssets: 'reader',
  archiveObjects: 'reader',
  appendUpload: 'writer',
} as const satisfies Record<keyof LakeStreams, Need>

const ranks = { reader: 0, writer: 1, admin: 2 } as const

/** Makes the {@link Caller} of a request. Nothing else in the service may lead to the lake. */
export function createGuard(
  options: GuardOptions,
): (principal: Principal, requestId: string) => Caller {
  const { call, streams, trail, now, allowDestructive } = options

  return (principal, requestId) => {
    const ensure = (what: TaskName | keyof typeof streamNeeds) => {
      try {
        requireRole(principal, what, allowDestructive)
      } catch (error) {
        if (!isReading(what)) note(what, {}, error)
        throw error
      }
    }

    const note = (task: string, ids: Record<string, string>, error?: unknown) => {
      trail.add({
        audit_id: newId('audit'),
        at: now(),
        actor: principal.id,
        actor_name: principal.name,
        task,
        ids,
        outcome: outcomeOf(error),
        error: error === undefined ? null : isMindtraceError(error) ? error.code : 'INTERNAL',
        request_id: requestId,
      })
    }

    const audited = async <Result>(
      task: TaskName | keyof typeof streamNeeds,
      input: unknown,
      act: () => Promise<Result>,
    ): Promise<Result> => {
      if (isReading(task)) return await act()
      try {
        const result = await act()
        note(task, touchedIds(input, result))
        return result
      } catch (error) {
        note(task, touchedIds(input, undefined), error)
        throw error
      }
    }

    const guardedCall: TaskCall = async (name, input, callOptions = {}) => {
      ensure(name)
      if (isUnlimited(principal)) {
        return await audited(name, input, () => call(name, input, callOptions))
      }
      return await audited(name, input, async () => {
        const narrowed = await withinScopes(principal, name, input, { call }, callOptions)
        return await call(name, narrowed as TaskInput<typeof name>, callOptions)
      })
    }

    const scoped = async (
      name: keyof typeof streamNeeds,
      input: Readonly<Record<string, unknown>>,
      callOptions: CallOptions,
    ) => {
      if (isUnlimited(principal)) return input
      const { signal } = callOptions
      const rule = streamScopes[name] ?? 'whole'
      return await applyRule(principal, name, rule, input, { call }, { signal })
    }

    const guardedStreams: LakeStreams = {
      readAsset: async (id, read = {}) => {
        ensure('readAsset')
        await scoped('readAsset', { id }, read)
        return await streams.readAsset(id, read)
      },
      readObject: async (ref: ObjectLocation, read = {}) => {
        ensure('readObject')
        await scoped('readObject', { ...ref }, read)
        return await streams.readObject(ref, read)
      },
      writeObject: async (request: WriteObject, body, write = {}) => {
        ensure('writeObject')
        return await audited('writeObject', request, async () => {
          await scoped('writeObject', { ...request }, write)
          return await streams.writeObject(request, body, write)
        })
      },
      ingestGroup: async (session_id, items, ingest = {}) => {
        ensure('ingestGroup')
        return await audited('ingestGroup', { session_id }, async () => {
          await scoped('ingestGroup', { session_id }, ingest)
          return await streams.ingestGroup(session_id, items, ingest)
        })
      },
      rows: (name, input, read = {}) =>
        deferredRows(async () => {
          ensure(name)
          if (isUnlimited(principal)) return streams.rows(name, input, read)
          const narrowed = await withinScopes(principal, name, input, { call }, read)
          return streams.rows(name, narrowed as typeof input, read)
        }),
      appendUpload: async (ticket, offset, body, write = {}) => {
        ensure('appendUpload')
        return await audited('appendUpload', ticket, async () => {
          await scoped('appendUpload', { ...ticket }, write)
          return await streams.appendUpload(ticket, offset, body, write)
        })
      },
      archiveDataset: async (input, read = {}) => {
        ensure('archiveDataset')
        await scoped('archiveDataset', input, read)
        return await streams.archiveDataset(input, read)
      },
      archiveAssets: async (input, read = {}) => {
        ensure('archiveAssets')
        const checked = parse(AssetArchiveInput, input, 'archiveAssets')
        const narrowed = await scoped('archiveAssets', checked, read)
        return await streams.archiveAssets(narrowed as typeof input, read)
      },
      archiveObjects: async (input, read = {}) => {
        ensure('archiveObjects')
        const checked = parse(ObjectArchiveInput, input, 'archiveObjects')
        await scoped('archiveObjects', checked, read)
        return await streams.archiveObjects(checked, read)
      },
    }

    return { principal, requestId, ensure, call: guardedCall, streams: guardedStreams }
  }
}

function requireRole(
  principal: Principal,
  what: TaskName | keyof typeof streamNeeds,
  allowDestructive: boolean,
): void {
  const need = needOf(what)
  const role = need === 'destructive' ? 'admin' : need
  if (ranks[principal.role] < ranks[role]) {
    throw new MindtraceError(
      'FORBIDDEN',
      `${what} needs a key with the role ${role}; this one is a ${principal.role}`,
      { details: { missing: 'role', role } },
    )
  }
  if (need === 'destructive' && !allowDestructive) {
    throw new MindtraceError(
      'FORBIDDEN',
      `${what} is switched off on this service; start it with --allow-destructive (MINDTRACE_ALLOW_DESTRUCTIVE=1) to serve it`,
      { details: { missing: 'setting' } },
    )
  }
}

function needOf(what: TaskName | keyof typeof streamNeeds): Need {
  return Object.hasOwn(streamNeeds, what)
    ? streamNeeds[what as keyof typeof streamNeeds]
    : allTasks[what as TaskName].needs
}

function isReading(what: TaskName | keyof typeof streamNeeds): boolean {
  return Object.hasOwn(streamNeeds, what)
    ? streamNeeds[what as keyof typeof streamNeeds] === 'reader'
    : allTasks[what as TaskName].reads
}

function outcomeOf(error: unknown): AuditOutcome {
  if (error === undefined) return 'done'
  return isMindtraceError(error, 'FORBIDDEN') ? 'refused' : 'failed'
}
