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
  return (principal, requestId) => new GuardedCaller(options, principal, requestId)
}

/** Made for every request, so that it makes little itself. */
class GuardedCaller implements Caller {
  readonly principal: Principal
  readonly requestId: string
  readonly #options: GuardOptions
  #streams: LakeStreams | undefined

  constructor(options: GuardOptions, principal: Principal, requestId: string) {
    this.#options = options
    this.principal = principal
    this.requestId = requestId
  }

  get streams(): LakeStreams {
    this.#streams ??= this.#guardedStreams()
    return this.#streams
  }

  ensure(what: TaskName | keyof typeof streamNeeds): void {
    try {
      requireRole(this.principal, what, this.#options.allowDestructive)
    } catch (error) {
      if (!isReading(what)) this.#note(what, {}, error)
      throw error
    }
  }

  readonly call: TaskCall = async (name, input, callOptions = {}) => {
    this.ensure(name)
    const { call } = this.#options
    // Nothing of the input is out of its scopes.
    const isWhole = isUnlimited(this.principal)
    if (isWhole && isReading(name)) return await call(name, input, callOptions)
    return await this.#audited(name, input, async () => {
      if (isWhole) return await call(name, input, callOptions)
      const narrowed = await withinScopes(this.principal, name, input, { call }, callOptions)
      return await call(name, narrowed as TaskInput<typeof name>, callOptions)
    })
  }

  #note(task: string, ids: Record<string, string>, error?: unknown): void {
    this.#options.trail.add({
      audit_id: newId('audit'),
      at: this.#options.now(),
      actor: this.principal.id,
      actor_name: this.principal.name,
      task,
      ids,
      outcome: outcomeOf(error),
      error: error === undefined ? null : isMindtraceError(error) ? error.code : 'INTERNAL',
      request_id: this.requestId,
    })
  }

  async #audited<Result>(
    task: TaskName | keyof typeof streamNeeds,
    input: unknown,
    act: () => Promise<Result>,
  ): Promise<Result> {
    if (isReading(task)) return await act()
    try {
      const result = await act()
      this.#note(task, touchedIds(input, result))
      return result
    } catch (error) {
      this.#note(task, touchedIds(input, undefined), error)
      throw error
    }
  }

  async #scoped(
    name: keyof typeof streamNeeds,
    input: Readonly<Record<string, unknown>>,
    { signal }: CallOptions,
  ) {
    if (isUnlimited(this.principal)) return input
    const { call } = this.#options
    const rule = streamScopes[name] ?? 'whole'
    return await applyRule(this.principal, name, rule, input, { call }, { signal })
  }

  #guardedStreams(): LakeStreams {
    const { call, streams } = this.#options
    return {
      readAsset: async (id, read = {}) => {
        this.ensure('readAsset')
        await this.#scoped('readAsset', { id }, read)
        return await streams.readAsset(id, read)
      },
      readObject: async (ref: ObjectLocation, read = {}) => {
        this.ensure('readObject')
        await this.#scoped('readObject', { ...ref }, read)
        return await streams.readObject(ref, read)
      },
      writeObject: async (request: WriteObject, body, write = {}) => {
        this.ensure('writeObject')
        return await this.#audited('writeObject', request, async () => {
          await this.#scoped('writeObject', { ...request }, write)
          return await streams.writeObject(request, body, write)
        })
      },
      ingestGroup: async (session_id, items, ingest = {}) => {
        this.ensure('ingestGroup')
        return await this.#audited('ingestGroup', { session_id }, async () => {
          await this.#scoped('ingestGroup', { session_id }, ingest)
          return await streams.ingestGroup(session_id, items, ingest)
        })
      },
      rows: (name, input, read = {}) =>
        deferredRows(async () => {
          this.ensure(name)
          if (isUnlimited(this.principal)) return streams.rows(name, input, read)
          const narrowed = await withinScopes(this.principal, name, input, { call }, read)
          return streams.rows(name, narrowed as typeof input, read)
        }),
      appendUpload: async (ticket, offset, body, write = {}) => {
        this.ensure('appendUpload')
        return await this.#audited('appendUpload', ticket, async () => {
          await this.#scoped('appendUpload', { ...ticket }, write)
          return await streams.appendUpload(ticket, offset, body, write)
        })
      },
      archiveDataset: async (input, read = {}) => {
        this.ensure('archiveDataset')
        await this.#scoped('archiveDataset', input, read)
        return await streams.archiveDataset(input, read)
      },
      archiveAssets: async (input, read = {}) => {
        this.ensure('archiveAssets')
        const checked = parse(AssetArchiveInput, input, 'archiveAssets')
        const narrowed = await this.#scoped('archiveAssets', checked, read)
        return await streams.archiveAssets(narrowed as typeof input, read)
      },
      archiveObjects: async (input, read = {}) => {
        this.ensure('archiveObjects')
        const checked = parse(ObjectArchiveInput, input, 'archiveObjects')
        await this.#scoped('archiveObjects', checked, read)
        return await streams.archiveObjects(checked, read)
      },
    }
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
