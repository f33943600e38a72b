import type { AuditEntry, TaskInput, TaskOutput } from '@mindtrace/contract'
import { type CallOptions, type Logger, MindtraceError, Mutex } from '@mindtrace/core'

/** What was done to a lake, as far as those who read it need to know. */
export interface LakeEvent {
  /** Where the event stands: `<instant> <id of the entry>`. */
  readonly id: string
  /** The task, or the stream, that was done. */
  readonly task: string
  readonly at: string
  /** What it touched, as far as its request and its answer name it. */
  readonly ids: Readonly<Record<string, string>>
  /** As in the header `x-request-id` of its answer, so that a client knows its own. */
  readonly request_id: string | null
}

/** What a {@link LakeEvents} tells. */
export interface Listener {
  take(event: LakeEvent): void
  /** Events are missing: whoever keeps a copy must read anew. */
  missed(): void
}

/** What a {@link LakeEvents} works with. */
export interface LakeEventsOptions {
  readonly list: (
    input: TaskInput<'audit.list'>,
    options?: CallOptions,
  ) => Promise<TaskOutput<'audit.list'>>
  readonly log: Logger
  /** Default 1,000. */
  readonly pollMs?: number | undefined
}

/** An entry may be written so long after what it tells; processes whose clocks differ by less miss nothing. */
const lateMs = 5_000
const pageSize = 1_000
/** Of more than so many at one time it is only told that they were missed. */
const mostAtOnce = 10_000
const place = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (audit_[0-9a-f]{32})$/

/**
 * Tells listeners what any process that serves the lake has done to it, by reading the audit log while somebody
 * listens. Each event comes once to a listener; after a reconnection those of the last five seconds may come again.
 */
export class LakeEvents implements Disposable {
  readonly #options: LakeEventsOptions
  /** Those who listen, and what each has been told already of what is read again. */
  readonly #listeners = new Map<Listener, ReadonlySet<string>>()
  readonly #turns = new Mutex()
  /** Entries that were told, of the time that is read again. */
  #told = new Map<string, string>()
  #since: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LakeEventsOptions) {
    this.#options = options
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size
  }

  /**
   * Tells a listener what is done from now on, or since the event `after`.
   *
   * @returns what ends it.
   * @throws {@link MindtraceError} `INVALID_INPUT` when `after` is the id of no event; what reading the log throws.
   */
  async listen(listener: Listener, after?: string | undefined): Promise<() => void> {
    const [, at] = place.exec(after ?? '') ?? []
    if (after !== undefined && at === undefined) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `Last-Event-ID ${JSON.stringify(after.slice(0, 80))} is the id of no event; leave it out to begin with what comes`,
      )
    }
    return await this.#turns.run(async () => {
      await this.#poll()
      const known =
        at === undefined ? new Set<string>() : await this.#tellSince(at, after, listener)
      this.#listeners.set(listener, known)
      this.#schedule()
      return () => {
        this.#listeners.delete(listener)
        if (this.#listeners.size === 0) this.#rest()
      }
    })
  }

  [Symbol.dispose](): void {
    this.#listeners.clear()
    this.#rest()
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#since = undefined
    this.#told = new Map()
  }

  #schedule(): void {
    if (this.#listeners.size === 0) return
    this.#timer ??= setTimeout(() => {
      void this.#turns.run(async () => {
        try {
          if (this.#listeners.size > 0) await this.#poll()
        } catch (error) {
          // The next time reads from where this one began.
          this.#options.log.warn({ error }, 'events of the lake could not be read')
        }
        this.#timer = undefined
        this.#schedule()
      })
    }, this.#options.pollMs ?? 1_000).unref()
  }

  /** Tells everybody what is new. The first time only marks what is there. */
  async #poll(): Promise<void> {
    const isFirst = this.#since === undefined
    const since = this.#since ?? Date.now() - lateMs
    const startedAt = Date.now()
    const entries = await this.#read(new Date(since).toISOString())
    this.#since = startedAt - lateMs
    if (entries === undefined) for (const one of this.#listeners.keys()) one.missed()
    const told = new Map<string, string>()
    for (const entry of entries ?? []) {
      told.set(entry.audit_id, entry.at)
      if (isFirst || this.#told.has(entry.audit_id)) continue
      for (const [listener, known] of this.#listeners) {
        if (!known.has(entry.audit_id)) listener.take(eventOf(entry))
      }
    }
    this.#told = told
  }

  async #tellSince(at: string, after: string | undefined, listener: Listener) {
    const from = new Date(Date.parse(at) - lateMs).toISOString()
    const entries = await this.#read(from)
    if (entries === undefined) listener.missed()
    const events = (entries ?? []).map(eventOf).filter(({ id }) => id !== after)
    for (const event of events) listener.take(event)
    return new Set((entries ?? []).map(({ audit_id }) => audit_id))
  }

  /** What was done since an instant, the first first; undefined when it is too much. */
  async #read(since: string): Promise<AuditEntry[] | undefined> {
    const entries: AuditEntry[] = []
    let cursor: string | null = null
    do {
      const page: TaskOutput<'audit.list'> = await this.#options.list({
        since,
        cursor,
        outcome: 'done',
        limit: pageSize,
        actor: null,
        task: null,
        until: null,
      })
      entries.push(...page.entries)
      cursor = page.next
      if (entries.length > mostAtOnce) return undefined
    } while (cursor !== null)
    // Who may ask is no change of the lake.
    return entries.filter(({ task }) => !task.startsWith('keys.')).toReversed()
  }
}

function eventOf({ audit_id, at, task, ids, request_id }: AuditEntry): LakeEvent {
  return { id: `${at} ${audit_id}`, task, at, ids, request_id }
}
