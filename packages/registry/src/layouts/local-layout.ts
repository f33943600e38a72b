import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  type Instant,
  isMindtraceError,
  lentChunksOf,
  MindtraceError,
  newToken,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import type {
  FileMount,
  MountLock,
  MountObject,
  MountRead,
  Publication,
  StagedBytes,
  StageOptions,
  Written,
} from '../mount.ts'
import {
  type ObjectDocument,
  parseObjectDocument,
  printObjectDocument,
} from '../object-document.ts'
import { uploadsFolder } from '../object-name.ts'
import { compareVersions } from '../version.ts'
import {
  busy,
  encodeName,
  formatId,
  type Garbage,
  type Layout,
  type LockOptions,
  type ObjectId,
  type ObjectWrite,
  type OpenedFile,
  type OpenFileOptions,
  type PayloadFile,
  parseDocumentKey,
  payloadMissing,
  type ReadDocument,
  type TakenBytes,
  type WriteOutcome,
} from './layout.ts'

const documentLimitBytes = 16 * 1024 * 1024
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const parked = `${uploadsFolder}/next-`
const versionSegment = /^v?\d+(?:\.\d+)*$/

interface LockedWrite {
  readonly write: ObjectWrite
  readonly index: number
  readonly lock: MountLock
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
 *            whoever finds the former document compares the payload and finishes or drops it.
 *            Several files can't change at once: they lie beside, complete, before that document
 *            names their place, and whoever finds it moves them in
 * Delete:    lock · document · payload · unlock
 *
 * Documents of all objects of a folder lie side by side, so nothing here lists them to find one object:
 * its versions are the folders under `<name>/` that have a document.
 *
 * @see registry.md 5, 11 and 26.3
 */
export class LocalLayout implements Layout {
  readonly #mount: FileMount

  constructor(mount: FileMount) {
    this.#mount = mount
  }

  #documentKey({ name, version }: ObjectId): string {
    return `_meta_${encodeName(name)}@${version}.yaml`
  }

  // Names its object, so that who finds it can ask for it.
  #parkingFolder(id: ObjectId): string {
    return `${parked}${newToken()}/${this.#folder(id)}`
  }

  #folder({ name, version }: ObjectId): string {
    return `${name}/${version}/`
  }

  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    const versions: string[] = []
    for (const version of await this.#candidates(name, options)) {
      if (await this.#exists({ name, version }, options)) versions.push(version)
    }
    return versions
  }

  async latest(name: string, options: CallOptions = {}): Promise<string | undefined> {
    for (const version of (await this.#candidates(name, options)).reverse()) {
      if (await this.#exists({ name, version }, options)) return version
    }
    return undefined
  }

  async *objects(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectId> {
    for await (const { key } of this.#documents(prefix, options)) {
      const id = parseDocumentKey(key, '.yaml')
      if (id !== undefined) yield id
    }
  }

  async writtenAt(id: ObjectId, options: CallOptions = {}): Promise<Instant | undefined> {
    return (await this.#mount.head(this.#documentKey(id), options))?.modifiedAt
  }

  async read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    const found = await this.#readOnce(id, options)
    if (found?.document._ts?.next === undefined) return found
    return this.#settle(id, options)
  }

  async open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options: OpenFileOptions = {},
  ): Promise<OpenedFile | undefined> {
    for (let attempt = 0; ; attempt++) {
      const before = await this.read(id, { signal: options.signal })
      if (before === undefined) return undefined
      const file = fileOf(before.document)
      let payload: MountRead | undefined
      try {
        const { range, signal } = options
        payload = await this.#mount.read(this.#folder(id) + file, { range, signal })
      } catch (error) {
        if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      }
      const after = await this.#mount.head(this.#documentKey(id), options)
      const isSettled = after?.etag === before.etag && !(await this.#mount.isLocked(formatId(id)))
      if (payload !== undefined && (isSettled || attempt > 200)) {
        return { document: before.document, payload }
      }
      await payload?.body.cancel()
      if (payload === undefined && (isSettled || attempt > 200)) throw payloadMissing(id, file)
      await sleep(Math.min(1 + attempt, 50))
    }
  }

  payloadKey(id: ObjectId, _document: ObjectDocument, path: string): string {
    return this.#folder(id) + path
  }

  async files(
    id: ObjectId,
    _document: ObjectDocument,
    options: CallOptions = {},
  ): Promise<PayloadFile[]> {
    const folder = this.#folder(id)
    const files: PayloadFile[] = []
    for await (const { key, sizeBytes } of this.#mount.list(folder, options)) {
      files.push({ path: key.slice(folder.length), sizeBytes })
    }
    return files
  }

  async stage(
    _target: ObjectId,
    body: Uint8Array | ByteStream,
    options: StageOptions = {},
  ): Promise<StagedBytes> {
    return this.#mount.stage(body, options)
  }

  // A copy: whoever put the bytes there may still be writing them.
  async adopt(_target: ObjectId, key: string, options: StageOptions = {}): Promise<StagedBytes> {
    const { body } = await this.#mount.read(key, { signal: options.signal })
    return this.#mount.stage(body, options)
  }

  // A folder shares no service with anything.
  async bring(): Promise<undefined> {}

  async save(writes: readonly ObjectWrite[], options: LockOptions = {}): Promise<WriteOutcome[]> {
    const outcomes = new Array<WriteOutcome>(writes.length)
    const locks: MountLock[] = []
    const fresh: LockedWrite[] = []
    try {
      for (const [index, write] of writes.entries()) {
        try {
          const lock = await this.#mount.lock(formatId(write), options)
          if (lock === undefined) {
            outcomes[index] = { status: 'busy' }
            continue
          }
          locks.push(lock)
          // Most are new, which costs a look-up only.
          const existing = (await this.#exists(write, options))
            ? await this.#readLocked(write, options)
            : undefined
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

  async delete(id: ObjectId, options: LockOptions = {}): Promise<void> {
    await using lock = await this.#mount.lock(formatId(id), options)
    if (lock === undefined) throw busy(id)
    const found = await this.#readOnce(id, options)
    await this.#mount.delete(this.#documentKey(id), options)
    if (found?.document._files === undefined) await this.#deleteAll(this.#folder(id), options)
    for (const file of found?.document._files ?? []) {
      await this.#mount.delete(this.#folder(id) + file.replaceAll('\\', '/'), options)
    }
  }

  async *collectGarbage(
    options: CallOptions & { readonly olderThanMs: number; readonly dryRun?: boolean | undefined },
  ): AsyncGenerator<Garbage> {
    const before = Date.now() - options.olderThanMs
    for await (const { key, sizeBytes, modifiedAt } of this.#mount.list('', options)) {
      if (/^(?:_meta_|_locks_)|^registry_metadata\.json$/.test(key)) continue
      if (Date.parse(modifiedAt) > before) continue
      if (await this.#removeOrphan(key, options)) yield { key, sizeBytes }
    }
  }

  /** Removes a payload file that no object owns; false when one does, or may be about to. */
  async #removeOrphan(
    key: string,
    options: CallOptions & { readonly dryRun?: boolean | undefined },
  ): Promise<boolean> {
    await using locks = new AsyncDisposableStack()
    const isParked = key.startsWith(parked)
    for (const owner of possibleOwners(isParked ? key.slice(parked.length + 33) : key)) {
      // Reading an object moves in what is parked for it.
      if (isParked) await this.read(owner, options)
      else if (await this.#exists(owner, options)) return false
      const lock = await this.#mount.lock(formatId(owner), options)
      if (lock === undefined) return false
      locks.use(lock)
      if (!isParked && (await this.#exists(owner, options))) return false
    }
    if (options.dryRun !== true) await this.#mount.delete(key, options)
    return true
  }

  async #create(fresh: readonly LockedWrite[], options: CallOptions): Promise<WriteOutcome[]> {
    if (fresh.length === 0) return []
    await using stack = new AsyncDisposableStack()
    const documents: StagedBytes[] = []
    for (const { write } of fresh) {
      documents.push(stack.use(await this.#mount.stage(this.#print(write), options)))
    }
    const contents = fresh.flatMap(({ write }) => publicationsOf(this.#folder(write), write))
    // All contents in one go: the disk is waited for once, not for payloads and then for documents.
    await this.#mount.makeDurable([...contents.map(({ staged }) => staged), ...documents], options)
    const payloads = await this.#mount.publish(contents, { ...options, durability: 'content' })
    const publications: Publication[] = []
    const outcomes: (WriteOutcome | undefined)[] = []
    let position = 0
    for (const [index, { write, lock }] of fresh.entries()) {
      const files = payloads.slice(position, position + write.files.length)
      position += write.files.length
      const refused = files.find(({ status }) => status === 'rejected')
      if (refused !== undefined) {
        await this.#dropPayload(write)
        outcomes.push({ status: 'failed', error: (refused as PromiseRejectedResult).reason })
      } else if (!lock.isHeld()) {
        outcomes.push({ status: 'failed', error: lostLock(write) })
      } else {
        const staged = documents[index] as StagedBytes
        publications.push({ key: this.#documentKey(write), staged, ifAbsent: true })
        outcomes.push(undefined)
      }
    }
    const written = await this.#mount.publish(publications, { ...options, durability: 'full' })
    position = 0
    return Promise.all(
      outcomes.map((outcome, index) => {
        const { write } = fresh[index] as LockedWrite
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
      await this.#dropPayload(write)
      return { status: 'failed', error: written?.reason }
    }
    // Somebody without our lock made it: theirs counts.
    const theirs = await this.#readOnce(write, options)
    return theirs === undefined
      ? { status: 'busy' }
      : { status: 'exists', document: theirs.document }
  }

  async #dropPayload(write: ObjectWrite): Promise<void> {
    for (const { path } of write.files) {
      await this.#mount.delete(this.#folder(write) + path).catch(() => {})
    }
  }

  async #overwrite(
    write: ObjectWrite,
    old: ObjectDocument,
    lock: MountLock,
    options: CallOptions,
  ): Promise<WriteOutcome> {
    const isOne = write.files.length === 1
    const folder = isOne ? this.#folder(write) : this.#parkingFolder(write)
    if (!isOne) await this.#publishAll(folder, write, options)
    const next = { next: write.document, ...(isOne ? {} : { parked: folder }) }
    const intent = { ...old, _ts: { ...old._ts, ...next } } as ObjectDocument
    await this.#writeDocument(write, intent, options)
    if (!lock.isHeld()) throw lostLock(write)
    if (isOne) {
      try {
        await this.#publishAll(folder, write, options)
      } catch (error) {
        await this.#writeDocument(write, old).catch(() => {})
        throw error
      }
    } else await this.#moveIn(write, folder)
    await this.#finish(write, old, write.document)
    if (!isOne) await this.#deleteAll(folder, {})
    return { status: 'overwritten', document: write.document }
  }

  async #publishAll(folder: string, write: ObjectWrite, options: CallOptions): Promise<void> {
    const outcomes = await this.#mount.publish(publicationsOf(folder, write), {
      ...options,
      durability: 'full',
    })
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Makes files that lie complete beside an object its payload; may be repeated. */
  async #moveIn(id: ObjectId, folder: string): Promise<void> {
    for await (const { key } of this.#mount.list(folder)) {
      const { body } = await this.#mount.read(key)
      await this.#mount.write(this.#folder(id) + key.slice(folder.length), body)
    }
  }

  // No signal from here on: the new payload is in place.
  async #finish(id: ObjectId, old: ObjectDocument, next: ObjectDocument): Promise<void> {
    const kept = new Set(next._files)
    for (const file of old._files ?? []) {
      if (!kept.has(file)) await this.#mount.delete(this.#folder(id) + file)
    }
    await this.#writeDocument(id, next)
  }

  async #writeDocument(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#mount.write(this.#documentKey(id), this.#print({ ...id, document }), options)
  }

  /** Ends an overwrite that was under way: waits for its writer, or does what a crashed one left undone. */
  async #settle(id: ObjectId, options: CallOptions): Promise<ReadDocument | undefined> {
    await using lock = await this.#mount.lock(formatId(id), { ...options, waitMs: 30_000 })
    if (lock === undefined) throw busy(id)
    return this.#readLocked(id, options)
  }

  /** The document while this process holds the lock, with an interrupted overwrite finished or dropped. */
  async #readLocked(id: ObjectId, options: CallOptions): Promise<ReadDocument | undefined> {
    const found = await this.#readOnce(id, options)
    const next = found?.document._ts?.next
    if (found === undefined || next === undefined) return found
    const { next: _, parked: folder, ...rest } = found.document._ts ?? {}
    const { _ts, ...old } = found.document
    const settled = Object.keys(rest).length > 0 ? { ...old, _ts: rest } : old
    if (folder !== undefined) {
      await this.#moveIn(id, folder)
      await this.#finish(id, settled, next as unknown as ObjectDocument)
      await this.#deleteAll(folder, options)
    } else if (await this.#hasPayload(id, next as unknown as ObjectDocument, options)) {
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
      const { body, sizeBytes } = await this.#mount.read(this.#folder(id) + file, options)
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
    const key = this.#documentKey(id)
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
    const path = `${this.#mount.location}/${this.#folder(id).slice(0, -1)}`
    return encoder.encode(printObjectDocument({ ...document, path }))
  }

  // What lies in the folder of an object that does not exist is garbage of a crash, or another object's.
  async #prepareFolder(id: ObjectId, options: CallOptions): Promise<void> {
    await this.#refuseInsideAnother(id, options)
    for await (const _ of this.#mount.listFolder(this.#folder(id), options)) {
      for (const end of ['@', '/']) {
        for await (const inner of this.#documents(`${id.name}/${id.version}${end}`, options)) {
          throw nestedObject(id, inner.key)
        }
      }
      return this.#deleteAll(this.#folder(id), options)
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

  async #deleteAll(folder: string, options: CallOptions): Promise<void> {
    for await (const { key } of this.#mount.list(folder, options)) {
      await this.#mount.delete(key, options)
    }
  }

  async *#documents(prefix: string, options: CallOptions): AsyncGenerator<MountObject> {
    yield* this.#mount.list(`_meta_${encodeName(prefix)}`, options)
  }

  async #candidates(name: string, options: CallOptions): Promise<string[]> {
    const versions: string[] = []
    for await (const { kind, key } of this.#mount.listFolder(`${name}/`, options)) {
      const version = key.slice(name.length + 1, -1)
      if (kind === 'folder' && versionSegment.test(version)) versions.push(version)
    }
    return versions.sort(compareVersions)
  }

  async #exists(id: ObjectId, options: CallOptions): Promise<boolean> {
    return (await this.#mount.head(this.#documentKey(id), options)) !== undefined
  }
}

/** The object versions in whose folder a key lies. */
function possibleOwners(key: string): ObjectId[] {
  const segments = key.split('/')
  return segments.flatMap((version, index) =>
    index > 0 && index < segments.length - 1 && versionSegment.test(version)
      ? [{ name: segments.slice(0, index).join('/'), version }]
      : [],
  )
}

function publicationsOf(folder: string, write: ObjectWrite): Publication[] {
  return write.files.map(({ path, staged }) => {
    if (isStaged(staged)) return { key: folder + path, staged }
    throw new TypeError('these bytes were staged by another layout')
  })
}

function isStaged(taken: TakenBytes): taken is StagedBytes {
  return taken.sha256 !== undefined
}

function lostLock(id: ObjectId): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `writing '${formatId(id)}' took longer than its lock; repeat`,
    {
      details: { ...id },
    },
  )
}

function nestedObject(outer: ObjectId, inner: string): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `'${inner}' would lie among the files of '${formatId(outer)}'; choose another name`,
    { details: { ...outer } },
  )
}

async function sha256Of(body: ByteStream, options: CallOptions): Promise<string> {
  const hash = new RunningHash()
  for await (const chunk of lentChunksOf(body, options)) hash.update(chunk)
  return hash.digestHex()
}
