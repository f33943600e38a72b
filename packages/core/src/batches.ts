/** How {@link Batches} are made up. */
export interface BatchOptions<One> {
  /** The most in a batch. */
  readonly size: number
  /** Batches under way at the same time. */
  readonly atOnce: number
  /** After so long a batch no longer keeps the next one waiting, though it goes on. Default: as long as it takes. */
  readonly turnMs?: number | undefined
  /** Two of one key are never in one batch. Default: any may be together. */
  readonly keyOf?: ((one: One) => string) | undefined
}

/**
 * Lets what is asked at the same time be done together: what comes while others are under way makes up the next batch.
 * Whoever is alone waits for nobody.
 */
export class Batches<One> {
  readonly #run: (batch: readonly One[]) => Promise<void>
  readonly #options: BatchOptions<One>
  #waiting: One[] = []
  #underWay = 0

  /** `run` answers those of a batch itself, failures included: it must not throw. */
  constructor(run: (batch: readonly One[]) => Promise<void>, options: BatchOptions<One>) {
    this.#run = run
    this.#options = options
  }

  add(one: One): void {
    this.#waiting.push(one)
    this.#next()
  }

  #next(): void {
    while (this.#underWay < this.#options.atOnce && this.#waiting.length > 0) {
      const batch = this.#take()
      this.#underWay += 1
      let isOver = false
      const endTurn = () => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        this.#underWay -= 1
        this.#next()
      }
      const { turnMs } = this.#options
      const timer = turnMs === undefined ? undefined : setTimeout(endTurn, turnMs)
      void this.#run(batch).finally(endTurn)
    }
  }

  #take(): readonly One[] {
    const { size, keyOf } = this.#options
    if (keyOf === undefined) return this.#waiting.splice(0, size)
    const batch = new Map<string, One>()
    this.#waiting = this.#waiting.filter((one) => {
      const key = keyOf(one)
      if (batch.size === size || batch.has(key)) return true
      batch.set(key, one)
      return false
    })
    return [...batch.values()]
  }
}
