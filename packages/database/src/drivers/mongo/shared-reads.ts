import { Batches } from '@mindtrace/core'

type Row = Record<string, unknown>

/**
 * One query at a time, but a connection that hangs must not hold others up, nor a server that is far. Who asks for the
 * same document gets it from the next query: two must not have one object.
 */
const together = { size: 64, atOnce: 1, turnMs: 10, keyOf: ({ key }: Waiting) => key }

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
  readonly #batches = new Batches<Waiting>((batch) => this.#answer(batch), together)

  /** `find` gives the documents that have one of the keys in `keyField`. */
  constructor(keyField: string, find: (keys: readonly string[]) => Promise<readonly Row[]>) {
    this.#keyField = keyField
    this.#find = find
  }

  /** The document of a key, for this caller alone; undefined when there is none. */
  row(key: string): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      this.#batches.add({ key, resolve, reject })
    })
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = new Map<unknown, Row>()
      for (const row of await this.#find(batch.map(({ key }) => key))) {
        // Two documents of another program may have one key: the first is the one, as everywhere.
        if (!rows.has(row[this.#keyField])) rows.set(row[this.#keyField], row)
      }
      for (const { key, resolve } of batch) resolve(rows.get(key))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
