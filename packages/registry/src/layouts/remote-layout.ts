import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  type Clock,
  chunksOf,
  type Instant,
  inGroups,
  isMindtraceError,
  MindtraceError,
  mapBounded,
  systemClock,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type {
  MountObject,
  MountRead,
  ObjectMount,
  ReadOptions,
  StagedBytes,
  StageOptions,
} from '../mount.ts'
import {
  type ObjectDocument,
  parseRemoteDocument,
  printRemoteDocument,
} from '../object-document.ts'
import { uploadsFolder } from '../object-name.ts'
import { compareVersions } from '../version.ts'
import {
  busy,
  encodeName,
  formatId,
  type Garbage,
  type Layout,
  type ObjectId,
  type ObjectWrite,
  type PayloadFile,
  parseDocumentKey,
  payloadMissing,
  type ReadDocument,
  type StageTarget,
  type WriteOutcome,
} from './layout.ts'

const documentLimitBytes = 16 * 1024 * 1024
/** Streams that end before this many bytes wait in memory for the rest of their group. */
const holdBytes = 1024 * 1024
const parallelObjects = 16
const parallelFiles = 4
const planLifeMs = 60 * 60 * 1000
/** For payloads that clients send at their own speed. */
const streamPlanLifeMs = 24 * 60 * 60 * 1000
const attempts = 20
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * The reference's layout in an object store, without locks: the store decides who creates a document and
 * whether it is still the one that was read.
 *
 *     _meta_<name, ':' as %3A>@<version>.json            the document, last: it makes the object exist
 *     objects/<name>/<version>/<uuid>/<file>             the payload; the document names the uuid
 *     _staging/<name, escaped>/<version>/<uuid>.json     the plan: what may have to be cleaned up
 *
 * New:       plan · payload · document, created only · plan gone
 * Overwrite: plan · payload · document, if it is the one read · old payload gone · plan gone
 * Delete:    plan · document gone · payload gone · plan gone
 *
 * A group shares one plan, `_staging/_groups/1/<uuid>.json`, that lists its objects. When it is not known
 * whether a document was written, its payload and plan stay: {@link RemoteLayout.collectGarbage} looks again.
 *
 * @see registry.md 6, 11.3 to 11.6 and 24.4
 */
export class RemoteLayout implements Layout {
  readonly #mount: ObjectMount
  readonly #clock: Clock

  constructor(mount: ObjectMount, options: { readonly clock?: Clock | undefined } = {}) {
    this.#mount = mount
    this.#clock = options.clock ?? systemClock
  }

  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    const versions: string[] = []
    for await (const id of this.objects(`${name}@`, options)) versions.push(id.version)
    return versions.sort(compareVersions)
  }

  async latest(name: string, options: CallOptions = {}): Promise<string | undefined> {
    return (await this.versions(name, options)).at(-1)
  }

  async *objects(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectId> {
    for await (const { key } of this.#mount.list(`_meta_${encodeName(prefix)}`, options)) {
      const id = parseDocumentKey(key, '.json')
      if (id !== undefined) yield id
    }
  }

  async writtenAt(id: ObjectId, options: CallOptions = {}): Promise<Instant | undefined> {
    return (await this.#mount.head(this.#documentKey(id), options))?.modifiedAt
  }

  async read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    const key = this.#documentKey(id)
    try {
      const { body, etag } = await this.#mount.read(key, { signal: options.signal })
      const text = decoder.decode(await bytesOf(body, documentLimitBytes, options))
      return { document: parseRemoteDocument(text, key), etag }
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }

  async open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options: ReadOptions = {},
  ): Promise<{ readonly document: ObjectDocument; readonly payload: MountRead } | undefined> {
    let last: string | undefined
    for (;;) {
      const found = await this.read(id, { signal: options.signal })
      if (found === undefined) return undefined
      const { document } = found
      const file = fileOf(document)
      const key = this.payloadKey(id, document, file)
      // The same folder twice, and no file in it: nobody is about to replace it.
      if (key === last) throw payloadMissing(id, file)
      try {
        return { document, payload: await this.#mount.read(key, options) }
      } catch (error) {
        if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      }
      last = key
    }
  }

  payloadKey(id: ObjectId, document: ObjectDocument, path: string): string {
    return this.#folder(id, uuidOf(id, document)) + path
  }

  async files(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions = {},
  ): Promise<PayloadFile[]> {
    const folder = this.#folder(id, uuidOf(id, document))
    const files: PayloadFile[] = []
    for await (const { key, sizeBytes } of this.#mount.list(folder, options)) {
      files.push({ path: key.slice(folder.length), sizeBytes })
    }
    return files
  }

  async stage(
    target: StageTarget,
    body: Uint8Array | ByteStream,
    options: StageOptions = {},
  ): Promise<StagedBytes> {
    options.signal?.throwIfAborted()
    if (body instanceof Uint8Array) {
      await options.onChunk?.(body)
      return new HeldBytes(body, options.sha256 ?? sha256Hex(body))
    }
    const { start, rest } = await beginningOf(body, options)
    if (rest === undefined) {
      await options.onChunk?.(start)
      return new HeldBytes(start, sha256Hex(start))
    }
    const upload = await this.#beginUpload(target, options).catch(async (error: unknown) => {
      await rest.cancel(error).catch(() => {})
      throw error
    })
    try {
      const { signal } = options
      const written = await this.#mount.write(upload.key, tapped(start, rest, options), { signal })
      return upload.done(written)
    } catch (error) {
      await upload[Symbol.asyncDispose]()
      throw error
    }
  }

  // Copied before it is hashed: whoever put the bytes there may write them again.
  async adopt(target: StageTarget, key: string, options: StageOptions = {}): Promise<StagedBytes> {
    const upload = await this.#beginUpload(target, options)
    try {
      await this.#mount.copy(key, upload.key, { signal: options.signal })
      const hash = new RunningHash()
      let sizeBytes = 0
      const { body } = await this.#mount.read(upload.key, { signal: options.signal })
      for await (const chunk of chunksOf(body, options)) {
        hash.update(chunk)
        await options.onChunk?.(chunk)
        sizeBytes += chunk.byteLength
      }
      return upload.done({ sizeBytes, sha256: hash.digestHex() })
    } catch (error) {
      await upload[Symbol.asyncDispose]()
      throw error
    }
  }

  async save(writes: readonly ObjectWrite[], options: CallOptions = {}): Promise<WriteOutcome[]> {
    const prepared = writes.map((write) => ({ write, uuid: this.#uuidFor(write) }))
    const unplanned = prepared.filter(({ write, uuid }) => !isPlanned(write, uuid))
    const plan = unplanned.length === 0 ? undefined : await this.#writePlan(unplanned, options)
    let isClean = true
    const outcomes = await mapBounded(prepared, parallelObjects, async ({ write, uuid }) => {
      try {
        options.signal?.throwIfAborted()
        const { leftovers, ...outcome } = await this.#saveOne(write, uuid, options)
        isClean &&= !leftovers
        return outcome
      } catch (error) {
        isClean &&= !(error instanceof Uncertain)
        return {
          status: 'failed',
          error: error instanceof Uncertain ? error.cause : error,
        } as const
      }
    })
    if (plan !== undefined && isClean) await this.#forget([plan])
    options.signal?.throwIfAborted()
    return outcomes
  }

  async delete(id: ObjectId, options: CallOptions = {}): Promise<void> {
    const found = await this.read(id, options)
    if (found === undefined) return
    const uuid = found.document._storage?.uuid
    const plan =
      uuid === undefined ? undefined : await this.#writePlan([{ write: id, uuid }], options)
    await this.#mount.delete(this.#documentKey(id), options)
    if (uuid === undefined || plan === undefined) return
    if (await this.#deletePayload(id, uuid)) await this.#forget([plan])
  }

  async *collectGarbage(
    options: CallOptions & { readonly olderThanMs: number; readonly dryRun?: boolean | undefined },
  ): AsyncGenerator<Garbage> {
    const before = Date.parse(this.#clock.now()) - options.olderThanMs
    const held = yield* this.#collectPlans(before, options)
    const old = isOlder(this.#mount.list('objects/', options), before)
    for await (const group of inGroups(old, 1000)) {
      const orphans = await this.#orphansAmong(group, held, options)
      if (options.dryRun !== true && orphans.length > 0) {
        await this.#mount.deleteMany(
          orphans.map(({ key }) => key),
          options,
        )
      }
      for (const { key, sizeBytes } of orphans) yield { key, sizeBytes }
    }
    for await (const { key, sizeBytes } of isOlder(
      this.#mount.list(`${uploadsFolder}/`, options),
      before,
    )) {
      if (options.dryRun !== true) await this.#mount.delete(key, options)
      yield { key, sizeBytes }
    }
  }

  /** Removes plans that are over. Gives the uuids that plans of live writers hold. */
  async *#collectPlans(
    before: number,
    options: CallOptions & { readonly dryRun?: boolean | undefined },
  ): AsyncGenerator<Garbage, Set<string>> {
    const held = new Set<string>()
    for await (const { key, sizeBytes, modifiedAt } of this.#mount.list('_staging/', options)) {
      const plan = await this.#readPlan(key, options)
      const isOver = Date.parse(modifiedAt) <= before && (plan?.expiresAt ?? 0) <= before
      for (const uuid of isOver ? [] : (plan?.uuids ?? [])) held.add(uuid)
      if (!isOver) continue
      if (options.dryRun !== true) await this.#mount.delete(key, options)
      yield { key, sizeBytes }
    }
    return held
  }

  async #readPlan(
    key: string,
    options: CallOptions,
  ): Promise<{ readonly expiresAt: number; readonly uuids: readonly string[] } | undefined> {
    try {
      const { body } = await this.#mount.read(key, { signal: options.signal })
      const plan: unknown = JSON.parse(decoder.decode(await bytesOf(body, documentLimitBytes)))
      const { uuid, objects, expires_at } = plan as Record<string, unknown>
      const uuids = Array.isArray(objects) ? objects.map((object) => object?.uuid) : [uuid]
      return {
        expiresAt: Date.parse(String(expires_at)) || 0,
        uuids: uuids.filter((each) => typeof each === 'string'),
      }
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND') || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  /** Payload files that no document names and no live writer holds. */
  async #orphansAmong(
    files: readonly MountObject[],
    held: ReadonlySet<string>,
    options: CallOptions,
  ): Promise<MountObject[]> {
    const isOwned = new Map<string, boolean>()
    for (const { key } of files) {
      for (const { folder } of possibleOwners(key)) isOwned.set(folder, false)
    }
    await mapBounded([...isOwned.keys()], parallelObjects, async (folder) => {
      const [owner] = possibleOwners(`${folder}/-`).slice(-1)
      if (owner === undefined) return
      const isHeld = held.has(owner.uuid)
      const found = isHeld ? undefined : await this.read(owner.id, options)
      isOwned.set(folder, isHeld || found?.document._storage?.uuid === owner.uuid)
    })
    return files.filter(({ key }) => {
      const owners = possibleOwners(key)
      return owners.length > 0 && !owners.some(({ folder }) => isOwned.get(folder))
    })
  }

  async #saveOne(
    write: ObjectWrite,
    uuid: string,
    options: CallOptions,
  ): Promise<
    Extract<WriteOutcome, { readonly document: ObjectDocument }> & { readonly leftovers: boolean }
  > {
    const brought: string[] = []
    try {
      await mapBounded(write.files, parallelFiles, async ({ path, staged }) => {
        const key = this.#folder(write, uuid) + path
        if (staged instanceof Uploaded && staged.key === key) return
        brought.push(key)
        if (staged instanceof HeldBytes) await this.#mount.write(key, staged.bytes, options)
        else if (staged instanceof Uploaded) await this.#mount.copy(staged.key, key, options)
        else throw new TypeError('these bytes were staged by another layout')
      })
      const { oldUuid, ...outcome } = await this.#commit(
        write,
        this.#complete(write, uuid),
        options,
      )
      if (outcome.status === 'exists') {
        return { ...outcome, leftovers: !(await this.#deleteKeys(brought)) }
      }
      for (const { path, staged } of write.files) {
        if (staged instanceof Uploaded && !brought.includes(this.#folder(write, uuid) + path)) {
          staged.keep()
        }
      }
      const isClean = oldUuid === undefined || (await this.#deletePayload(write, oldUuid))
      return { ...outcome, leftovers: !isClean }
    } catch (error) {
      if (error instanceof Uncertain) {
        for (const { staged } of write.files) if (staged instanceof Uploaded) staged.leave()
      } else await this.#deleteKeys(brought)
      throw error
    }
  }

  /** Makes the document current, or says that another is. */
  async #commit(
    write: ObjectWrite,
    document: ObjectDocument,
    options: CallOptions,
  ): Promise<{
    readonly status: 'stored' | 'overwritten' | 'exists'
    readonly document: ObjectDocument
    readonly oldUuid?: string | undefined
  }> {
    const key = this.#documentKey(write)
    const uuid = document._storage?.uuid
    const body = encoder.encode(printRemoteDocument(document))
    let current = write.onConflict === 'overwrite' ? await this.read(write, options) : undefined
    for (let attempt = 0; attempt < attempts; attempt++) {
      const condition = current === undefined ? { ifAbsent: true } : { ifEtag: current.etag }
      const oldUuid = current?.document._storage?.uuid
      const status = current === undefined ? 'stored' : 'overwritten'
      try {
        // No signal: an aborted request may have been carried out.
        await this.#mount.write(key, body, { ...condition, contentType: 'application/json' })
        return { status, document, oldUuid }
      } catch (error) {
        const found = await this.#lookAgain(write, error)
        // The answer to our own write was lost, and a repetition of it refused.
        if (found?.document._storage?.uuid === uuid) return { status, document, oldUuid }
        if (mayHaveHappened(error)) throw new Uncertain(error)
        if (!isMindtraceError(error, 'PRECONDITION_FAILED')) throw error
        if (found !== undefined && write.onConflict === 'skip') {
          return { status: 'exists', document: found.document }
        }
        current = found
      }
      options.signal?.throwIfAborted()
      await sleep(Math.random() * Math.min(10 * 2 ** attempt, 1000))
    }
    throw busy(write)
  }

  async #lookAgain(id: ObjectId, error: unknown): Promise<ReadDocument | undefined> {
    try {
      return await this.read(id)
    } catch {
      throw new Uncertain(error)
    }
  }

  /** The folder of bytes that were uploaded for this very version, else a new one. */
  #uuidFor(write: ObjectWrite): string {
    for (const { path, staged } of write.files) {
      if (!(staged instanceof Uploaded)) continue
      if (staged.key === this.#folder(write, staged.uuid) + path) return staged.uuid
    }
    return crypto.randomUUID()
  }

  #complete({ document, ...id }: ObjectWrite, uuid: string): ObjectDocument {
    return {
      ...document,
      path: `${this.#mount.location}/${this.#folder(id, uuid).slice(0, -1)}`,
      _storage: { uuid, created_at: `${this.#clock.now().slice(0, 23)}000Z` },
    }
  }

  /** Writes down what is about to be stored, so that it can be found if nobody ends it. */
  async #writePlan(
    objects: readonly { readonly write: ObjectId; readonly uuid: string }[],
    options: CallOptions & { readonly lifeMs?: number | undefined } = {},
  ): Promise<string> {
    const [only] = objects
    const uuid = objects.length === 1 && only !== undefined ? only.uuid : crypto.randomUUID()
    const expiry = Date.parse(this.#clock.now()) + (options.lifeMs ?? planLifeMs)
    const expires_at = `${new Date(expiry).toISOString().slice(0, 23)}000+00:00`
    const listed = objects.map(({ write, uuid }) => ({
      name: write.name,
      version: write.version,
      uuid,
    }))
    const plan =
      objects.length === 1 ? { ...listed[0], expires_at } : { uuid, expires_at, objects: listed }
    const place = objects.length === 1 && only !== undefined ? planFolder(only.write) : '_groups/1'
    const key = `_staging/${place}/${uuid}.json`
    await this.#mount.write(key, encoder.encode(JSON.stringify(plan)), {
      signal: options.signal,
      contentType: 'application/json',
    })
    return key
  }

  async #beginUpload(target: StageTarget, options: CallOptions): Promise<Upload> {
    const uuid = target.token
    const plan = await this.#writePlan([{ write: target, uuid }], {
      signal: options.signal,
      lifeMs: streamPlanLifeMs,
    })
    const key = this.#folder(target, uuid) + target.path
    return new Upload(key, uuid, async (isKept) => {
      if (isKept || (await this.#deleteKeys([key]))) await this.#forget([plan])
    })
  }

  /** Removes what is not needed any more. What can't be removed is left to the next collection. */
  async #forget(keys: readonly string[]): Promise<void> {
    await this.#mount.deleteMany(keys).catch(() => {})
  }

  /** False when something may be left. */
  async #deletePayload(id: ObjectId, uuid: string): Promise<boolean> {
    try {
      const keys: string[] = []
      for await (const { key } of this.#mount.list(this.#folder(id, uuid))) keys.push(key)
      return await this.#deleteKeys(keys)
    } catch {
      return false
    }
  }

  async #deleteKeys(keys: readonly string[]): Promise<boolean> {
    if (keys.length === 0) return true
    return await this.#mount.deleteMany(keys).then(
      () => true,
      () => false,
    )
  }

  #documentKey({ name, version }: ObjectId): string {
    return `_meta_${encodeName(name)}@${version}.json`
  }

  #folder({ name, version }: ObjectId, uuid: string): string {
    return `objects/${name}/${version}/${uuid}/`
  }
}

/** Bytes that wait in memory until their object is saved. */
class HeldBytes implements StagedBytes {
  readonly bytes: Uint8Array
  readonly sizeBytes: number
  readonly sha256: string

  constructor(bytes: Uint8Array, sha256: string) {
    this.bytes = bytes
    this.sizeBytes = bytes.byteLength
    this.sha256 = sha256
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A file on its way into the store. */
class Upload implements AsyncDisposable {
  readonly key: string
  readonly uuid: string
  readonly #end: (isKept: boolean) => Promise<void>

  constructor(key: string, uuid: string, end: (isKept: boolean) => Promise<void>) {
    this.key = key
    this.uuid = uuid
    this.#end = end
  }

  done(written: { readonly sizeBytes: number; readonly sha256: string }): Uploaded {
    return new Uploaded(this, written, this.#end)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(false)
  }
}

/** A file that the store has, in a folder of its own that no document names yet. */
class Uploaded implements StagedBytes {
  readonly key: string
  readonly uuid: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly #end: (isKept: boolean) => Promise<void>
  #fate: 'drop' | 'keep' | 'leave' = 'drop'

  constructor(
    upload: Upload,
    written: { readonly sizeBytes: number; readonly sha256: string },
    end: (isKept: boolean) => Promise<void>,
  ) {
    this.key = upload.key
    this.uuid = upload.uuid
    this.sizeBytes = written.sizeBytes
    this.sha256 = written.sha256
    this.#end = end
  }

  /** A document names it now. */
  keep(): void {
    this.#fate = 'keep'
  }

  /** Nobody knows whether a document names it. */
  leave(): void {
    this.#fate = 'leave'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#fate !== 'leave') await this.#end(this.#fate === 'keep')
  }
}

/** A write whose outcome is not known: the request may yet be carried out. */
class Uncertain extends Error {
  constructor(cause: unknown) {
    super('it is not known whether the document was written', { cause })
  }
}

/** Whether a request that failed may yet be carried out. */
function mayHaveHappened(error: unknown): boolean {
  if (!isMindtraceError(error)) return true
  return ['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'].includes(error.code)
}

/** Whether the plan of an upload covers the write. */
function isPlanned(write: ObjectWrite, uuid: string): boolean {
  return write.files.every(({ staged }) => staged instanceof Uploaded && staged.uuid === uuid)
}

function uuidOf(id: ObjectId, document: ObjectDocument): string {
  const uuid = document._storage?.uuid
  if (uuid !== undefined) return uuid
  throw new MindtraceError(
    'CORRUPT',
    `the document of '${formatId(id)}' does not say where its files lie; delete the object`,
    { details: { ...id } },
  )
}

// @see registry.md 6: only these stay as they are.
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

// The place of a plan means nothing, its text does, so a name too long for a segment may have another one.
function planFolder({ name, version }: ObjectId): string {
  const folder = escaped(name)
  return `${folder.length > 255 ? `sha256-${sha256Hex(encoder.encode(name))}` : folder}/${escaped(version)}`
}

interface PayloadOwner {
  readonly id: ObjectId
  readonly uuid: string
  readonly folder: string
}

/** The writes in whose folder a key lies; more than one where a name holds such segments itself. */
function possibleOwners(key: string): PayloadOwner[] {
  const segments = key.split('/')
  return segments.flatMap((uuid, index) => {
    const version = segments[index - 1] ?? ''
    if (index < 3 || index === segments.length - 1 || !uuidPattern.test(uuid)) return []
    const id = { name: segments.slice(1, index - 1).join('/'), version }
    return [{ id, uuid, folder: segments.slice(0, index + 1).join('/') }]
  })
}

async function* isOlder(
  objects: AsyncIterable<MountObject>,
  before: number,
): AsyncGenerator<MountObject> {
  for await (const object of objects) {
    if (Date.parse(object.modifiedAt) <= before) yield object
  }
}

/** The first bytes of a stream, and the stream of those after them if there are any. */
async function beginningOf(
  body: ByteStream,
  options: CallOptions,
): Promise<{ readonly start: Uint8Array; readonly rest: ByteStream | undefined }> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    while (length <= holdBytes) {
      options.signal?.throwIfAborted()
      const { done, value } = await reader.read()
      if (done) return { start: Buffer.concat(chunks, length), rest: undefined }
      chunks.push(value)
      length += value.byteLength
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    throw error
  }
  reader.releaseLock()
  return { start: Buffer.concat(chunks, length), rest: body }
}

/** Both parts as one stream that shows each chunk to the caller. */
function tapped(start: Uint8Array, rest: ByteStream, options: StageOptions): ByteStream {
  const reader = rest.getReader()
  let isStarted = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = isStarted ? await reader.read() : { done: false, value: start }
        isStarted = true
        if (next.done || next.value === undefined) return controller.close()
        await options.onChunk?.(next.value)
        controller.enqueue(next.value)
      },
      async cancel(reason) {
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
