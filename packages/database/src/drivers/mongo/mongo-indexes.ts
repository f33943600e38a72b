import { type Logger, MindtraceError } from '@mindtrace/core'
import type mongoose from 'mongoose'
import type { Collection, Index } from '../../collection.ts'
import { brokenUniqueIndex, codeOf } from './mongo-errors.ts'

type Native = mongoose.mongo.Collection
type Keys = Record<string, 1 | -1>

/** An index as the server lists it. */
interface Existing {
  readonly name: string
  readonly key: Keys
  readonly unique?: boolean
  readonly partialFilterExpression?: unknown
  readonly sparse?: boolean
}

/** The unique indexes of a collection, as they are in this database. */
export interface UniqueIndexes {
  /** The declared index behind the name in a server's error. */
  byName(name: string): Index | undefined
  /** Those that stored documents break, so that only new documents are held to them. */
  readonly broken: readonly Index[]
}

const namespaceNotFound = 26
const optionsConflict = 85
const specsConflict = 86

/**
 * Creates what is missing of a collection's indexes. What exists is left alone: an index that the reference or a
 * person made under another name serves as well, and is logged.
 *
 * A unique index that documents of another program break cannot be built. In its place comes one of the name
 * `<name>_new` (with `mt_` before it) that holds for the documents inserted from now on, told by their `_id`.
 *
 * @throws {@link MindtraceError} `CONFLICT` when a name is taken by another index, or documents that are ours alone
 *   break a unique index.
 */
export async function createMissing(
  native: Native,
  collection: Collection,
  boundary: mongoose.mongo.ObjectId,
  log: Logger,
): Promise<UniqueIndexes> {
  const declared = collection.indexes.filter(isForMongo)
  const found = await existingOf(native)
  const missing = declared.filter((index) => !isPresent(index, found, collection, log))
  const broken: Index[] = []
  try {
    if (missing.length > 0) await native.createIndexes(missing.map(specOf))
  } catch (error) {
    if (codeOf(error) === optionsConflict || codeOf(error) === specsConflict) {
      throw nameTaken(collection, missing.map(({ name }) => name).join(', '), error)
    }
    if (brokenUniqueIndex(error) === undefined) throw error
    for (const index of missing) {
      if (!(await isBuilt(native, index))) broken.push(index)
    }
  }
  for (const index of broken) {
    if (!collection.shared) throw alreadyBroken(collection, index)
    await native.createIndexes([{ ...specOf(index), ...forNewDocuments(index, boundary, found) }])
    log.warn(
      { collection: collection.name, index: index.name },
      `Documents of another program break the unique index '${index.name}': they stay, new ones are held to it`,
    )
  }
  await dropReplaced(native, declared, broken, found)
  return uniqueIndexes(declared, broken, found)
}

function isForMongo(index: Index): boolean {
  // An array whose path leads to a map means the map's values, which MongoDB cannot index.
  const ofMap = index.fields.some(({ path }) => path.text.endsWith('.*'))
  return index.only !== 'sqlite' && !ofMap
}

function keysOf(index: Index): Keys {
  return Object.fromEntries(
    index.fields.map(({ path, descending }) => [path.text, descending ? -1 : 1]),
  )
}

function specOf(index: Index) {
  const { name, unique } = index
  return unique ? { key: keysOf(index), name, unique } : { key: keysOf(index), name }
}

function isPresent(
  index: Index,
  found: readonly Existing[],
  collection: Collection,
  log: Logger,
): boolean {
  const namesake = found.find(({ name }) => name === index.name)
  if (namesake !== undefined) {
    if (isAlike(index, namesake)) return true
    throw nameTaken(collection, index.name)
  }
  const other = found.find((one) => isAlike(index, one))
  if (other === undefined) return false
  log.warn(
    { collection: collection.name, index: index.name, found: other.name },
    `Index '${other.name}' stands where '${index.name}' belongs: the Python service will refuse to start until it is renamed`,
  )
  return true
}

function isAlike(index: Index, existing: Existing): boolean {
  return (
    JSON.stringify(keysOf(index)) === JSON.stringify(existing.key) &&
    index.unique === (existing.unique === true) &&
    existing.partialFilterExpression === undefined &&
    existing.sparse !== true
  )
}

async function isBuilt(native: Native, index: Index): Promise<boolean> {
  try {
    await native.createIndexes([specOf(index)])
    return true
  } catch (error) {
    if (brokenUniqueIndex(error) !== undefined) return false
    throw error
  }
}

function nameForNew({ name }: Index): string {
  return `${name.startsWith('mt_') ? name : `mt_${name}`}_new`
}

function forNewDocuments(
  index: Index,
  boundary: mongoose.mongo.ObjectId,
  found: readonly Existing[],
) {
  const name = nameForNew(index)
  // Made by an earlier start: it must be named in the same words.
  const existing = found.find((one) => one.name === name)
  const filter = existing?.partialFilterExpression ?? { _id: { $gt: boundary } }
  return { name, partialFilterExpression: filter as Record<string, unknown> }
}

async function dropReplaced(
  native: Native,
  declared: readonly Index[],
  broken: readonly Index[],
  found: readonly Existing[],
): Promise<void> {
  for (const index of declared) {
    const name = nameForNew(index)
    if (broken.includes(index) || !found.some((one) => one.name === name)) continue
    await native.dropIndex(name)
  }
}

function uniqueIndexes(
  declared: readonly Index[],
  broken: readonly Index[],
  found: readonly Existing[],
): UniqueIndexes {
  const unique = declared.filter((index) => index.unique)
  const byName = new Map<string, Index>()
  for (const index of unique) {
    for (const existing of found) if (isAlike(index, existing)) byName.set(existing.name, index)
    byName.set(index.name, index)
    byName.set(nameForNew(index), index)
  }
  return { byName: (name) => byName.get(name), broken }
}

async function existingOf(native: Native): Promise<readonly Existing[]> {
  try {
    return (await native.listIndexes().toArray()) as unknown as Existing[]
  } catch (error) {
    if (codeOf(error) === namespaceNotFound) return []
    throw error
  }
}

function nameTaken(collection: Collection, index: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `'${collection.name}' has an index of the name '${index}' with other keys or options: drop it, or rename it`,
    {
      ...(cause === undefined ? {} : { cause }),
      details: { collection: collection.name, on: index },
    },
  )
}

function alreadyBroken(collection: Collection, index: Index): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `Unique index '${index.name}' of '${collection.name}' cannot be built: stored documents repeat a value. Delete or change them`,
    { details: { collection: collection.name, on: index.name } },
  )
}
