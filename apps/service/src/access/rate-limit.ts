import { MindtraceError } from '@mindtrace/core'

/** How much one key may ask of one process. */
export interface RateLimits {
  /** Requests a second in the long run; default: any number. */
  readonly requestsPerSecond?: number | undefined
  /** Requests at once after a pause; default: those of two seconds. */
  readonly burst?: number | undefined
  /** Requests under way at the same time; default 256. */
  readonly concurrent?: number | undefined
}

interface Bucket {
  tokens: number
  filledAtMs: number
  underWay: number
}

/** A token bucket and a number of requests under way for each key. They lie in the process: two processes allow twice as much. */
export class RateLimiter {
  readonly #perSecond: number
  readonly #burst: number
  readonly #concurrent: number
  readonly #nowMs: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(limits: RateLimits, nowMs: () => number) {
    this.#perSecond = limits.requestsPerSecond ?? Number.POSITIVE_INFINITY
    this.#burst = limits.burst ?? Math.max(1, this.#perSecond * 2)
    this.#concurrent = limits.concurrent ?? 256
    this.#nowMs = nowMs
  }

  /**
   * Lets a request in; what it gives is to be called when the answer is out.
   *
   * @throws `RATE_LIMITED` with `retry_after_s` in its details.
   */
  enter(id: string): () => void {
    const bucket = this.#bucketOf(id)
    if (bucket.underWay >= this.#concurrent) {
      throw limited(`${this.#concurrent} requests of this key are under way already`, 1)
    }
    if (bucket.tokens < 1) {
      const seconds = Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perSecond))
      throw limited(`this key may send ${this.#perSecond} requests a second`, seconds)
    }
    bucket.tokens -= 1
    bucket.underWay += 1
    let left = false
    return () => {
      if (left) return
      left = true
      bucket.underWay -= 1
    }
  }

  #bucketOf(id: string): Bucket {
    const nowMs = this.#nowMs()
    let bucket = this.#buckets.get(id)
    if (bucket === undefined) {
      bucket = { tokens: this.#burst, filledAtMs: nowMs, underWay: 0 }
      this.#buckets.set(id, bucket)
    }
    if (this.#perSecond === Number.POSITIVE_INFINITY) {
      bucket.tokens = this.#burst
    } else {
      const grown = ((nowMs - bucket.filledAtMs) / 1000) * this.#perSecond
      bucket.tokens = Math.min(this.#burst, bucket.tokens + grown)
    }
    bucket.filledAtMs = nowMs
    return bucket
  }
}

function limited(why: string, seconds: number): MindtraceError {
  return new MindtraceError('RATE_LIMITED', `${why}; try again in ${seconds} s`, {
    details: { retry_after_s: seconds },
  })
}
