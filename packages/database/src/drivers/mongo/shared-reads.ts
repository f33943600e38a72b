type Row = Record<string, unknown>

const keysAtMost = 64

/** So long others wait for a query that is under way. A connection that hangs must not hold them up, nor a server that is far. */
const turnMs = 10

interface Waiting {
  readonly key: string
  readonly resolve: (row: Row | undefined) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Lets those who read by key at the same time share queries: what is asked while one is under way is asked by the next
 * one, so every read sees what was written before it was asked. Whoever is alone waits for nobody. Sixteen callers at
 * once cost the server and us half of sixteen queries.
 */
export class SharedReads {
  readonly #keyField: string
  readonly #find: (keys: readonly string[]) => Promise<readonly Row[]>
  #waiting: Waiting[] = []
  #isTaken = false

  /** `find` gives the documents that have one of the keys in `keyField`. */
  constructor(keyField: string, find: (keys: readonly string[]) => Promise<readonly Row[]>) {
    this.#keyField = keyField
    this.#find = find
  }

  /** The document of a key, for this caller alone; undefined when there is none. */
  row(key: string): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject })
      this.#next()
    })
  }

  #next(): void {
    if (this.#isTaken || this.#waiting.length === 0) return
    const batch = new Map<string, Waiting>()
    // Who asks for the same document gets it from the next query: two must not have one object.
    this.#waiting = this.#waiting.filter((one) => {
      if (batch.size === keysAtMost || batch.has(one.key)) return true
      batch.set(one.key, one)
      return false
    })
    this.#isTaken = true
    let isOver = false
    const endTurn = () => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      this.#isTaken = false
      this.#next()
    }
    const timer = setTimeout(endTurn, turnMs)
    void this.#answer(batch).finally(endTurn)
  }

  async #answer(batch: ReadonlyMap<string, Waiting>): Promise<void> {
    try {
      const rows = new Map<unknown, Row>()
      for (const row of await this.#find([...batch.keys()])) {
        // Two documents of another program may have one key: the first is the one, as everywhere.
        if (!rows.has(row[this.#keyField])) rows.set(row[this.#keyField], row)
      }
      for (const { key, resolve } of batch.values()) resolve(rows.get(key))
    } catch (error) {
      for (const { reject } of batch.values()) reject(error)
    }
  }
}
