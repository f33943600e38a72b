import type mongoose from 'mongoose'
import { type Index, indexedValue } from '../../collection.ts'
import type { Scalar } from '../../paths.ts'
import type { CollectionInMongo } from './mongo-collection.ts'
import { mongoValue } from './mongo-filter.ts'

const tuplesInOneQuery = 200

/** Which values of unique indexes are taken: those of stored documents, and of documents that are about to be. */
export class TakenValues {
  readonly #at: CollectionInMongo
  readonly #taken: ReadonlyMap<Index, Set<string>>

  constructor(at: CollectionInMongo, indexes: readonly Index[]) {
    this.#at = at
    this.#taken = new Map(indexes.map((index) => [index, new Set()]))
  }

  /** Reads which of the documents' values stored documents have, other than the one of the key `except`. */
  async read(
    documents: readonly object[],
    session: mongoose.mongo.ClientSession | undefined,
    except?: string,
  ): Promise<void> {
    for (const [index, taken] of this.#taken) {
      for (let from = 0; from < documents.length; from += tuplesInOneQuery) {
        const group = documents.slice(from, from + tuplesInOneQuery)
        const { key } = this.#at.collection
        const rows = this.#at.native.find(
          { $or: group.map((document) => withValues(index, document)) },
          { projection: projectionOf(index, key), ...(session === undefined ? {} : { session }) },
        )
        for await (const row of rows) {
          if (except === undefined || row[key] !== except) {
            taken.add(textOf(index, this.#at.codec.decode(row)))
          }
        }
      }
    }
  }

  /** The first index that has a document's values already; else they are taken from now on. */
  take(document: object): Index | undefined {
    for (const [index, taken] of this.#taken) {
      if (taken.has(textOf(index, document))) return index
    }
    for (const [index, taken] of this.#taken) taken.add(textOf(index, document))
    return undefined
  }
}

/** Whether two documents have the same values in an index. */
export function hasSameValues(index: Index, one: object, other: object): boolean {
  return textOf(index, one) === textOf(index, other)
}

function valuesOf(index: Index, document: object): readonly Scalar[] {
  const value = indexedValue(index, document)
  return Array.isArray(value) ? value : [value as Scalar]
}

function textOf(index: Index, document: object): string {
  return JSON.stringify(valuesOf(index, document))
}

function withValues(index: Index, document: object): Record<string, unknown> {
  const values = valuesOf(index, document)
  const conditions = index.fields.map(({ path }, at) => [
    path.text,
    { $eq: mongoValue(path, values[at] ?? null) },
  ])
  return Object.fromEntries(conditions)
}

function projectionOf(index: Index, key: string): Record<string, 1> {
  return Object.fromEntries(
    [key, ...index.fields.map(({ path }) => path.text)].map((at) => [at, 1]),
  )
}
