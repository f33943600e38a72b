import { Batches, type CallOptions, type ErrorCode, isMindtraceError } from '@mindtrace/core'

/** Two transactions at the same time: one is prepared while the disk takes the other. */
const together = { size: 64, atOnce: 2 }

/** Failures that are one input's own, and after which nothing of a transaction is stored. */
const ownFailures: ReadonlySet<ErrorCode> = new Set([
  'DUPLICATE',
  'INVALID_INPUT',
  'TOO_LARGE',
  'VALIDATION_FAILED',
])

interface Waiting<Input, Output> extends CallOptions {
  readonly input: Input
  readonly resolve: (output: Output) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Lets those who write at the same time share transactions: what comes while others are under way is written by the next
 * one. Whoever is alone waits for nobody. An input that can't be written fails alone: the others of its transaction
 * are written each by itself then.
 */
export class SharedWrites<Input, Output> {
  readonly #write: (inputs: readonly Input[]) => Promise<readonly Output[]>
  readonly #batches = new Batches<Waiting<Input, Output>>(
    (batch) => this.#writeAll(batch.filter(isStillThere)),
    together,
  )

  /** `write` writes all inputs or none, and gives an output for each. */
  constructor(write: (inputs: readonly Input[]) => Promise<readonly Output[]>) {
    this.#write = write
  }

  /** @throws what writing this input by itself throws; the signal's reason when it aborts before. */
  write(input: Input, { signal }: CallOptions = {}): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#batches.add({ input, resolve, reject, signal })
    })
  }

  async #writeAll(batch: readonly Waiting<Input, Output>[]): Promise<void> {
    if (batch.length === 0) return
    try {
      const outputs = await this.#write(batch.map(({ input }) => input))
      for (const [index, { resolve }] of batch.entries()) resolve(outputs[index] as Output)
    } catch (error) {
      if (batch.length > 1 && isMindtraceError(error) && ownFailures.has(error.code)) {
        await Promise.all(batch.map((one) => this.#writeAll([one])))
      } else for (const { reject } of batch) reject(error)
    }
  }
}

function isStillThere({ signal, reject }: Waiting<unknown, never>): boolean {
  if (signal?.aborted !== true) return true
  reject(signal.reason)
  return false
}
