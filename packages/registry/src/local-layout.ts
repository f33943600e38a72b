import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  chunksOf,
  isMindtraceError,
  MindtraceError,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import type {
  FileMount,
  MountLock,
  MountObject,
  MountRead,
  ReadOptions,
  StagedBytes,
  Written,
} from './mount.ts'
import { type ObjectDocument, parseObjectDocument, printObjectDocument } from './object-document.ts'
import { compareVersions } from './version.ts'

const documentLimitBytes = 16 * 1024 * 1024
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** One version of one object. */
export interface ObjectId {
  readonly name: string
  readonly version: string
}

/** What {@link LocalLayout.save} is to store. */
export interface ObjectWrite extends ObjectId {
  readonly file: string
  readonly staged: StagedBytes
  /** The whole document but `path`. */
  readonly document: ObjectDocument
  readonly onConflict: 'skip' | 'overwrite'
}

/** What became of an {@link ObjectWrite}. `busy`: another writer holds the object, nothing was done. */
export type WriteOutcome =
  | { readonly status: 'stored' | 'overwritten' | 'exists'; readonly document: ObjectDocument }
  | { readonly status: 'busy' }
  | { readonly status: 'failed'; readonly error: unknown }

/** A document, and the state of its key, to see whether it changed since. */
export interface ReadDocument {
  readonly document: ObjectDocument
  readonly etag: string
}

/**
 * The reference's layout on a disk, and the order of steps that keeps it whole.
 *
 *     _meta_<name, ':' as %3A>@<version>.yaml    the document, last: it makes the object exist
 *     <name>/<version>/<file>                    the payload; nothing but the files of the document
 *     _locks_<name>@<version>/_exclusive         while an object is written or deleted
 *
 * New:       lock · payload · document (created only) · unlock
 * Overwrite: lock · document that also names the next state · payload · document · unlock;
 *            whoever finds the former document compares the payload and finishes or drops it
 * Delete:    lock · document · payload · unlock
 *
 * Documents of all objects of a folder lie side by side, so nothing here lists them to find one object:
 * its versions are the folders under `<name>/` that have a document.
 *
 * @see registry.md 5, 11 and 26.3
 */
export class LocalLayout {
  readonly #mount: FileMount

  constructor(mount: FileMount) {
    this.#mount = mount
  }

  documentKey({ name, version }: ObjectId): string {
    return `_meta_${name.replaceAll(':', '%3A')}@${version}.yaml`
  }

  payloadFolder({ name, version }: ObjectId): string {
    return `${name}/${version}/`
  }

  /** The versions of an object in rising order. */
  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    const versions: string[] = []
    for (const version of await this.#candidates(name, options)) {
      if (await this.#exists({ name, version }, options)) versions.push(version)
    }
    return versions
  }

  /** The highest version of an object, undefined when there is none. */
  async latest(name: string, options: CallOptions = {}): Promise<string | undefined> {
    for (const version of (await this.#candidates(name, options)).reverse()) {
      if (await this.#exists({ name, version }, options)) return version
    }
    return undefined
  }

  /** All object versions whose name starts with `prefix`; those of one name stand together. */
  async *objects(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectId> {
    for await (const { key } of this.#documents(prefix, options)) {
      const id = parseDocumentKey(key)
      if (id !== undefined) yield id
    }
  }

  /** The document of an object, undefined when it does not exist. */
  async read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    const found = await this.#readOnce(id, options)
    if (found?.document._ts?.next === undefined) return found
    return this.#settle(id, options)
  }

  /**
   * Opens a file of an object together with the document it belongs to: both of one state, also while
   * another process writes a new one.
   */
  async open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options: ReadOptions = {},
  ): Promise<{ readonly document: ObjectDocument; readonly payload: MountRead } | undefined> {
    for (let attempt = 0; ; attempt++) {
      const before = await this.read(id, { signal: options.signal })
      if (before === undefined) return undefined
      const file = fileOf(before.document)
      let payload: MountRead | undefined
      try {
        payload = await this.#mount.read(this.payloadFolder(id) + file, options)
      } catch (error) {
        if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      }
      const after = await this.#mount.head(this.documentKey(id), options)
      const isSettled = after?.etag === before.etag && !(await this.#mount.isLocked(lockName(id)))
      if (payload !== undefined && (isSettled || attempt > 200)) {
        return { document: before.document, payload }
      }
      await payload?.body.cancel()
      if (payload === undefined && (isSettled || attempt > 200)) throw payloadMissing(id, file)
      await sleep(Math.min(1 + attempt, 50))
    }
  }

  /** The files in the payload folder, for documents without a list of them. */
  async payloadFiles(id: ObjectId, options: CallOptions = {}): Promise<MountObject[]> {
    const files: MountObject[] = []
    for await (const file of this.#mount.list(this.payloadFolder(id), options)) files.push(file)
    return files
  }

  /**
   * Stores a group of objects, sharing what it costs to make bytes durable. No two of one group have the
   * same name and version. Gives an outcome for each, in order.
   */
  async save(
    writes: readonly ObjectWrite[],
    options: CallOptions & { readonly waitMs?: number | undefined } = {},
  ): Promise<WriteOutcome[]> {
    const outcomes = new Array<WriteOutcome>(writes.length)
    const locks: MountLock[] = []
    const fresh: {
      readonly write: ObjectWrite
      readonly index: number
      readonly lock: MountLock
    }[] = []
    try {
      for (const [index, write] of writes.entries()) {
        try {
          const lock = await this.#mount.lock(lockName(write), options)
          if (lock === undefined) {
            outcomes[index] = { status: 'busy' }
            continue
          }
          locks.push(lock)
          const existing = await this.#readLocked(write, options)
          if (existing === undefined) {
            await this.#prepareFolder(write, options)
            fresh.push({ write, index, lock })
          } else if (write.onConflict === 'skip') {
            outcomes[index] = { status: 'exists', document: existing.document }
          } else {
            outcomes[index] = await this.#overwrite(write, existing.document, lock, options)
          }
        } catch (error) {
          options.signal?.throwIfAborted()
          outcomes[index] = { status: 'failed', error }
        }
      }
      const created = await this.#create(fresh, options)
      for (const [position, { index }] of fresh.entries()) {
        outcomes[index] = created[position] as WriteOutcome
      }
    } finally {
      for (const lock of locks) await lock[Symbol.asyncDispose]()
    }
    return outcomes
  }

  /** Deletes an object version; an absent one is no error. */
  async delete(
    id: ObjectId,
    options: CallOptions & { readonly waitMs?: number | undefined } = {},
  ): Promise<void> {
    await using lock = await this.#mount.lock(lockName(id), options)
    if (lock === undefined) throw busy(id)
    const found = await this.#readOnce(id, options)
    await this.#mount.delete(this.documentKey(id), options)
    if (found?.document._files === undefined) await this.#deleteLeftovers(id, options)
    for (const file of found?.document._files ?? []) {
      await this.#mount.delete(this.payloadFolder(id) + file.replaceAll('\\', '/'), options)
    }
  }

  async #create(
    fresh: readonly { readonly write: ObjectWrite; readonly lock: MountLock }[],
    options: CallOptions,
  ): Promise<WriteOutcome[]> {
    if (fresh.length === 0) return []
    const payloads = await this.#mount.publish(
      fresh.map(({ write }) => ({
        key: this.payloadFolder(write) + write.file,
        staged: write.staged,
      })),
      { ...options, durability: 'content' },
    )
    await using documents = new AsyncDisposableStack()
    const publications: {
      readonly key: string
      readonly staged: StagedBytes
      readonly ifAbsent: true
    }[] = []
    const outcomes: (WriteOutcome | undefined)[] = []
    for (const [index, { write, lock }] of fresh.entries()) {
      const payload = payloads[index]
      if (payload?.status !== 'fulfilled') {
        outcomes.push({ status: 'failed', error: payload?.reason })
      } else if (!lock.isHeld()) {
        outcomes.push({ status: 'failed', error: lostLock(write) })
      } else {
        const staged = documents.use(await this.#mount.stage(this.#print(write), options))
        publications.push({ key: this.documentKey(write), staged, ifAbsent: true })
        outcomes.push(undefined)
      }
    }
    const written = await this.#mount.publish(publications, { ...options, durability: 'full' })
    let position = 0
    return Promise.all(
      outcomes.map((outcome, index) => {
        const { write } = fresh[index] as { write: ObjectWrite }
        return outcome ?? this.#createdOutcome(write, written[position++], options)
      }),
    )
  }

  async #createdOutcome(
    write: ObjectWrite,
    written: PromiseSettledResult<Written> | undefined,
    options: CallOptions,
  ): Promise<WriteOutcome> {
    if (written?.status === 'fulfilled') return { status: 'stored', document: write.document }
    if (!isMindtraceError(written?.reason, 'PRECONDITION_FAILED')) {
      await this.#mount.delete(this.payloadFolder(write) + write.file).catch(() => {})
      return { status: 'failed', error: written?.reason }
    }
    // Somebody without our lock made it: theirs counts.
    const theirs = await this.#readOnce(write, options)
    return theirs === undefined
      ? { status: 'busy' }
      : { status: 'exists', document: theirs.document }
  }

  async #overwrite(
    write: ObjectWrite,
    old: ObjectDocument,
    lock: MountLock,
    options: CallOptions,
  ): Promise<WriteOutcome> {
    const intent = { ...old, _ts: { ...old._ts, next: write.document } } as ObjectDocument
    await this.#mount.write(
      this.documentKey(write),
      this.#print({ ...write, document: intent }),
      options,
    )
    if (!lock.isHeld()) throw lostLock(write)
    const [payload] = await this.#mount.publish(
      [{ key: this.payloadFolder(write) + write.file, staged: write.staged }],
      { ...options, durability: 'full' },
    )
    if (payload?.status !== 'fulfilled') {
      await this.#writeDocument(write, old).catch(() => {})
      throw payload?.reason
    }
    await this.#finish(write, old, write.document)
    return { status: 'overwritten', document: write.document }
  }

  // No signal from here on: the new payload is in place.
  async #finish(id: ObjectId, old: ObjectDocument, next: ObjectDocument): Promise<void> {
    const kept = new Set(next._files)
    for (const file of old._files ?? []) {
      if (!kept.has(file)) await this.#mount.delete(this.payloadFolder(id) + file)
    }
    await this.#writeDocument(id, next)
  }

  async #writeDocument(id: ObjectId, document: ObjectDocument): Promise<void> {
    await this.#mount.write(this.documentKey(id), this.#print({ ...id, document }))
  }

  /** Ends an overwrite that was under way: waits for its writer, or does what a crashed one left undone. */
  async #settle(id: ObjectId, options: CallOptions): Promise<ReadDocument | undefined> {
    await using lock = await this.#mount.lock(lockName(id), { ...options, waitMs: 30_000 })
    if (lock === undefined) throw busy(id)
    return this.#readLocked(id, options)
  }

  /** The document while this process holds the lock, with an interrupted overwrite finished or dropped. */
  async #readLocked(id: ObjectId, options: CallOptions): Promise<ReadDocument | undefined> {
    const found = await this.#readOnce(id, options)
    const next = found?.document._ts?.next
    if (found === undefined || next === undefined) return found
    const { next: _, ...rest } = found.document._ts ?? {}
    const { _ts, ...old } = found.document
    const settled = Object.keys(rest).length > 0 ? { ...old, _ts: rest } : old
    if (await this.#hasPayload(id, next as unknown as ObjectDocument, options)) {
      await this.#finish(id, settled, next as unknown as ObjectDocument)
    } else {
      await this.#writeDocument(id, settled)
    }
    return this.#readOnce(id, options)
  }

  async #hasPayload(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions,
  ): Promise<boolean> {
    const [file = ''] = document._files ?? []
    try {
      const { body, sizeBytes } = await this.#mount.read(this.payloadFolder(id) + file, options)
      if (sizeBytes !== document.size_bytes) {
        await body.cancel()
        return false
      }
      return (await sha256Of(body, options)) === document.sha256
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND')) return false
      throw error
    }
  }

  async #readOnce(id: ObjectId, options: CallOptions): Promise<ReadDocument | undefined> {
    const key = this.documentKey(id)
    // A Python writer truncates the document before it fills it.
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        const { body, etag } = await this.#mount.read(key, options)
        const text = decoder.decode(await bytesOf(body, documentLimitBytes, options))
        const document = parseObjectDocument(text, key)
        if (document !== undefined) return { document, etag }
      } catch (error) {
        if (isMindtraceError(error, 'NOT_FOUND')) return undefined
        if (!isMindtraceError(error, 'CORRUPT') || attempt === 9) throw error
      }
      await sleep(2 + attempt)
    }
    return undefined
  }

  #print({ document, ...id }: ObjectId & { readonly document: ObjectDocument }): Uint8Array {
    const path = `${this.#mount.location}/${this.payloadFolder(id).slice(0, -1)}`
    return encoder.encode(printObjectDocument({ ...document, path }))
  }

  // What lies in the folder of an object that does not exist is garbage of a crash, or another object's.
  async #prepareFolder(id: ObjectId, options: CallOptions): Promise<void> {
    await this.#refuseInsideAnother(id, options)
    for await (const _ of this.#mount.listFolder(this.payloadFolder(id), options)) {
      for (const end of ['@', '/']) {
        for await (const inner of this.#documents(`${id.name}/${id.version}${end}`, options)) {
          throw nestedObject(id, inner.key)
        }
      }
      return this.#deleteLeftovers(id, options)
    }
  }

  // Object `a` 1.0.0 keeps its files in `a/1.0.0/`, so an object of that very name would lie among them.
  async #refuseInsideAnother({ name }: ObjectId, options: CallOptions): Promise<void> {
    if (!/\/v?\d+(?:\.\d+)*(?:\/|$)/.test(name)) return
    const segments = name.split('/')
    for (let index = 1; index < segments.length; index++) {
      const outer = { name: segments.slice(0, index).join('/'), version: segments[index] ?? '' }
      if (await this.#exists(outer, options)) throw nestedObject(outer, name)
    }
  }

  async #deleteLeftovers(id: ObjectId, options: CallOptions): Promise<void> {
    for await (const { key } of this.#mount.list(this.payloadFolder(id), options)) {
      await this.#mount.delete(key, options)
    }
  }

  async *#documents(prefix: string, options: CallOptions): AsyncGenerator<MountObject> {
    yield* this.#mount.list(`_meta_${prefix.replaceAll(':', '%3A')}`, options)
  }

  async #candidates(name: string, options: CallOptions): Promise<string[]> {
    const versions: string[] = []
    for await (const { kind, key } of this.#mount.listFolder(`${name}/`, options)) {
      const version = key.slice(name.length + 1, -1)
      if (kind === 'folder' && /^v?\d+(?:\.\d+)*$/.test(version)) versions.push(version)
    }
    return versions.sort(compareVersions)
  }

  async #exists(id: ObjectId, options: CallOptions): Promise<boolean> {
    return (await this.#mount.head(this.documentKey(id), options)) !== undefined
  }
}

/** The object of a document's key, undefined for other keys. */
function parseDocumentKey(key: string): ObjectId | undefined {
  const at = key.lastIndexOf('@')
  if (!key.startsWith('_meta_') || !key.endsWith('.yaml') || at < 0) return undefined
  return {
    name: key.slice('_meta_'.length, at).replaceAll('%3A', ':'),
    version: key.slice(at + 1, -'.yaml'.length),
  }
}

function lockName({ name, version }: ObjectId): string {
  return `${name}@${version}`
}

function busy(id: ObjectId): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `another process is writing '${lockName(id)}' and did not end in time; repeat`,
    { details: { ...id } },
  )
}

function lostLock(id: ObjectId): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `writing '${lockName(id)}' took longer than its lock; repeat`,
    {
      details: { ...id },
    },
  )
}

function payloadMissing(id: ObjectId, file: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `'${lockName(id)}' is recorded, but its file '${file}' is gone; restore it or delete the object`,
    { details: { ...id, file } },
  )
}

function nestedObject(outer: ObjectId, inner: string): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `'${inner}' would lie among the files of '${lockName(outer)}'; choose another name`,
    { details: { ...outer } },
  )
}

async function sha256Of(body: ByteStream, options: CallOptions): Promise<string> {
  const hash = new RunningHash()
  for await (const chunk of chunksOf(body, options)) hash.update(chunk)
  return hash.digestHex()
}
