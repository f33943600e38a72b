import type { AuditEntry, LakeAccess } from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'

const flushAfterMs = 1_000
const batch = 500
/** Beyond so many that could not be written the oldest are given up, and the log says so. */
const mostWaiting = 50_000
const forgetEveryMs = 3_600_000
/** The time of last use is kept to within this. */
const usedEveryMs = 300_000

/** What an {@link AuditTrail} works with. */
export interface AuditTrailOptions {
  readonly access: Omit<LakeAccess, 'keys'> | undefined
  /** Entries older than so many days are removed; undefined keeps all. */
  readonly keepDays: number | undefined
  readonly log: Logger
  readonly nowMs: () => number
}

/**
 * Collects what was done and writes it once a second, many at a time, so that no write waits for it. A crash loses the
 * last second; disposing writes the rest.
 */
export class AuditTrail implements AsyncDisposable {
  readonly #options: AuditTrailOptions
  #waiting: AuditEntry[] = []
  readonly #used = new Map<string, string>()
  readonly #usedAtMs = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #forgotAtMs = Number.NEGATIVE_INFINITY

  constructor(options: AuditTrailOptions) {
    this.#options = options
  }

  /** Entries that are not written yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  add(entry: AuditEntry): void {
    if (this.#options.access === undefined) return
    this.#waiting.push(entry)
    this.#schedule()
  }

  /** Notes that a key was used at an instant. */
  used(keyId: string, now: () => string): void {
    const nowMs = this.#options.nowMs()
    if (nowMs - (this.#usedAtMs.get(keyId) ?? Number.NEGATIVE_INFINITY) < usedEveryMs) return
    this.#usedAtMs.set(keyId, nowMs)
    this.#used.set(keyId, now())
    this.#schedule()
  }

  /** Writes what is waiting. Failures are logged, and tried again with what comes next. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
  }

  #schedule(): void {
    // Not unref'd: a process that ends by itself still writes down what it did.
    this.#timer ??= setTimeout(() => void this.flush(), flushAfterMs)
  }

  async #write(): Promise<void> {
    const { access, keepDays, log, nowMs } = this.#options
    if (access === undefined) return
    try {
      while (this.#waiting.length > 0) {
        const some = this.#waiting.slice(0, batch)
        await access.record(some)
        this.#waiting.splice(0, some.length)
      }
      if (this.#used.size > 0) {
        const used = new Map(this.#used)
        this.#used.clear()
        await access.markUsed(used)
      }
      if (keepDays !== undefined && nowMs() - this.#forgotAtMs >= forgetEveryMs) {
        this.#forgotAtMs = nowMs()
        await access.forgetBefore(new Date(Date.now() - keepDays * 86_400_000).toISOString())
      }
    } catch (error) {
      log.error({ error, waiting: this.#waiting.length }, 'the audit log could not be written')
      const over = this.#waiting.length - mostWaiting
      if (over > 0) {
        this.#waiting.splice(0, over)
        log.error({ lost: over }, 'entries of the audit log are lost')
      }
    }
  }
}
