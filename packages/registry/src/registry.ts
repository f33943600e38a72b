import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  chunksOf,
  isMindtraceError,
  MindtraceError,
  mapBounded,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import { ContentHash, type ContentHashForm, contentHashOf, inHashOrder } from './content-hash.ts'
import { decodeText, encodeBody, type Storable } from './encoding.ts'
import { LocalLayout, type ObjectId, type ObjectWrite, type WriteOutcome } from './local-layout.ts'
import {
  type ByteRange,
  type FileMount,
  isFileMount,
  type Mount,
  type StagedBytes,
  type StageOptions,
} from './mount.ts'
import { bytesFile, type ObjectDocument } from './object-document.ts'
import { checkObjectName } from './object-name.ts'
import {
  type RegistrySettings,
  readSettings,
  storeSettings,
  type WantedSettings,
} from './registry-settings.ts'
import { bumpVersion, firstVersion, parseVersion } from './version.ts'

/** What happens when the version to write exists: `skip` keeps it, `overwrite` replaces it. */
export type OnConflict = 'skip' | 'overwrite'

/** Options of {@link openRegistry}. A setting left out is what is stored, else the reference's default. */
export interface RegistryOptions extends CallOptions {
  /** Keep history; otherwise every object has the one version `1.0.0`. Default false. */
  readonly versionObjects?: boolean | undefined
  /** Existing versions may be overwritten. Default false. */
  readonly mutable?: boolean | undefined
  /** Components of a version. Default 3. */
  readonly versionDigits?: number | undefined
  /** Refuse every write with `READ_ONLY`. Default false. */
  readonly readOnly?: boolean | undefined
  /** Taken for settings that are neither given nor stored, in place of the reference's defaults. */
  readonly defaults?: WantedSettings | undefined
  /** Default `v2`, what Python 0.13 and later read; `none` is read by all. */
  readonly contentHash?: ContentHashForm | undefined
}

/** Options of {@link Registry.put}. */
export interface PutOptions extends CallOptions {
  /** Default: the next one. Unversioned registries ignore it, as the reference does. */
  readonly version?: string | undefined
  /** The caller's own JSON map, kept in the object's document. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Media type, a hint for readers. */
  readonly contentType?: string | undefined
  /** Default `overwrite` in mutable registries, else `skip`. */
  readonly onConflict?: OnConflict | undefined
  /**
   * SHA-256 of a body in memory, 64 hex digits, by a caller that has just computed it from these very
   * bytes: then they are not hashed once more. Ignored for streams and text.
   */
  readonly sha256?: string | undefined
}

/** One object of {@link Registry.putMany}. */
export interface PutItem extends Omit<PutOptions, 'signal'> {
  readonly name: string
  readonly body: Storable
}

/** What became of one item of {@link Registry.putMany}. */
export type PutOutcome =
  | { readonly status: 'stored' | 'overwritten' | 'skipped'; readonly object: StoredObject }
  | { readonly status: 'failed'; readonly error: unknown }

/** One object version as its document describes it. */
export interface StoredObject {
  readonly name: string
  /** Normalised, never `latest`. */
  readonly version: string
  /** Sum over the files. Undefined where only Python wrote and nobody asked the mount: see `files`. */
  readonly sizeBytes: number | undefined
  /** Of the payload bytes of a one-file object; undefined where only Python wrote. */
  readonly sha256: string | undefined
  readonly contentType: string | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  /** Python class of the saved value; `builtins.bytes` for what {@link Registry.put} stores. */
  readonly className: string
  /** Python class that encoded it. Never run, only named. */
  readonly materializer: string
  /** The content hash, v1 or v2; undefined for direct uploads. */
  readonly contentHash: string | undefined
  /** Paths of the payload's files. */
  readonly files: readonly string[]
}

/** Options of {@link Registry.open}. */
export interface OpenOptions extends CallOptions {
  /** Default and `latest`: the highest. */
  readonly version?: string | undefined
  readonly range?: ByteRange | undefined
  /** Default true: a whole object that does not match its hash ends in a `CORRUPT` error. */
  readonly verify?: boolean | undefined
}

/** An object, or one of its files, opened for reading. The body must be read to its end or cancelled. */
export interface OpenedObject {
  readonly object: StoredObject
  readonly body: ByteStream
  /** Of the whole file, also when a range was asked for. */
  readonly sizeBytes: number
  /** Changes when the bytes are written again. */
  readonly etag: string
}

const lockWaitMs = 30_000
const groupItems = 64
const groupBytes = 16 * 1024 * 1024
const smallBytes = 1024 * 1024
const textLimitBytes = 64 * 1024 * 1024

/**
 * Opens the registry in a mount. Nothing is written before the first put.
 *
 * @throws {@link MindtraceError} `CONFLICT` when a setting differs from the stored one, `CORRUPT` when the
 * stored settings cannot be read, `NOT_IMPLEMENTED` for mounts without a layout.
 */
export async function openRegistry(mount: Mount, options: RegistryOptions = {}): Promise<Registry> {
  if (!isFileMount(mount)) {
    throw new MindtraceError('NOT_IMPLEMENTED', `no layout for objects in '${mount.location}' yet`)
  }
  const { settings, isStored } = await readSettings(mount, options)
  return new Registry(mount, settings, { ...options, isStored })
}

/**
 * Named, versioned objects in a mount, in the layout of the Python reference. An object exists if and only
 * if its document does, and the document is written last. Safe with other processes on the same mount,
 * Python's included.
 */
export class Registry implements AsyncDisposable {
  readonly mount: Mount
  readonly settings: RegistrySettings
  readonly readOnly: boolean
  readonly #files: FileMount
  readonly #layout: LocalLayout
  readonly #contentHash: ContentHashForm
  #settingsStored: Promise<void> | undefined

  /** @internal use {@link openRegistry} */
  constructor(
    mount: FileMount,
    settings: RegistrySettings,
    options: RegistryOptions & { readonly isStored: boolean },
  ) {
    this.mount = mount
    this.settings = settings
    this.readOnly = options.readOnly === true
    this.#files = mount
    this.#layout = new LocalLayout(mount)
    this.#contentHash = options.contentHash ?? 'v2'
    this.#settingsStored = options.isStored ? Promise.resolve() : undefined
  }

  /**
   * Stores bytes or a text under a name: hashed in the pass that writes them, visible only when complete. Without a
   * version a versioned registry takes the next one, also when several processes do so at once.
   *
   * @throws {@link MindtraceError} `DUPLICATE` when the version exists and is to be kept, `READ_ONLY`,
   * `INVALID_INPUT` for a name or version that cannot be, `CONFLICT` for a name within another object's
   * files, `UNAVAILABLE` when another writer holds the object, or what the mount throws.
   */
  async put(name: string, body: Storable, options: PutOptions = {}): Promise<StoredObject> {
    const outcome = await this.#putOne({ ...options, name, body }, options)
    if (outcome.status === 'failed') throw outcome.error
    if (outcome.status !== 'skipped') return outcome.object
    const { version, sizeBytes, sha256 } = outcome.object
    throw new MindtraceError(
      'DUPLICATE',
      `'${name}@${version}' exists already; choose another version${this.settings.mutable ? ", or onConflict 'overwrite'" : ''}`,
      { details: { name, version, sizeBytes, sha256 } },
    )
  }

  /**
   * Stores many objects, sharing the costs among small ones that are in memory. One outcome per item, in
   * order; a failed item does not stop the others.
   *
   * @throws the signal's reason on abort: what was stored by then stays, complete.
   */
  async putMany(
    items: readonly PutItem[],
    options: CallOptions & { readonly concurrency?: number | undefined } = {},
  ): Promise<PutOutcome[]> {
    const outcomes = new Array<PutOutcome>(items.length)
    const singles: number[] = []
    for (const group of this.#groupsOf(items, singles)) {
      options.signal?.throwIfAborted()
      await this.#putGroup(items, { group, outcomes, singles }, options)
    }
    // Two items of one name run one after the other, so the last one of the list is the one that stays.
    const byName = Map.groupBy(singles, (index) => items[index]?.name)
    await mapBounded(
      [...byName.values()],
      options.concurrency ?? 8,
      async (indexes) => {
        for (const index of indexes.sort((a, b) => a - b)) {
          outcomes[index] = await this.#putOne(items[index] as PutItem, options)
        }
      },
      options,
    )
    return outcomes
  }

  /**
   * Opens the one file of an object. A whole object is verified as it is read: when it does not match its
   * hash, the stream ends in a `CORRUPT` error after the last chunk.
   *
   * @throws {@link MindtraceError} `NOT_FOUND`; `RANGE_NOT_SATISFIABLE`; `CORRUPT` when the document names
   * a file that is gone; `INVALID_INPUT` when the object has several files: open one by its name.
   */
  async open(name: string, options: OpenOptions = {}): Promise<OpenedObject> {
    return this.#openFile(name, undefined, options)
  }

  /** Opens one file of an object that may have several; else like {@link Registry.open}. */
  async openFile(name: string, file: string, options: OpenOptions = {}): Promise<OpenedObject> {
    return this.#openFile(name, file, options)
  }

  /**
   * The text of an object that was stored as text (Python `str`), up to 64 MiB.
   *
   * @throws what {@link Registry.open} throws; `INVALID_INPUT` when the object is of another class.
   */
  async text(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<string> {
    const { object, body } = await this.open(name, options)
    if (object.className === 'builtins.str') {
      return decodeText(await bytesOf(body, textLimitBytes, options), name)
    }
    await body.cancel()
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${name}' is a ${object.className}, no text; open it`,
    )
  }

  /** @throws {@link MindtraceError} `NOT_FOUND` when there is no such version. */
  async info(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<StoredObject> {
    const id = await this.#resolve(name, options)
    const found = id && (await this.#layout.read(id, options))
    if (id === undefined || found === undefined) throw objectNotFound(name, options.version)
    return this.#describe(id, found.document, options)
  }

  /**
   * The document of a version (default: the highest) as the reference shows it, without what only we
   * keep in it; undefined when there is no such version.
   */
  async document(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const id = await this.#resolve(name, options)
    const found = id && (await this.#layout.read(id, options))
    if (!found) return undefined
    const { size_bytes, sha256, content_type, _ts, ...shown } = found.document
    return shown
  }

  /** Whether the version (default: any) exists. A version that is none does not. */
  async has(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<boolean> {
    try {
      const id = await this.#resolve(name, options)
      return id !== undefined && (await this.#layout.read(id, options)) !== undefined
    } catch (error) {
      if (isMindtraceError(error, 'INVALID_INPUT')) return false
      throw error
    }
  }

  /** The versions of an object in rising order; empty when there is none. */
  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    return this.#layout.versions(name, options)
  }

  /** The names of all objects that start with `prefix`, each once, in the order of the mount. */
  async *list(
    options: CallOptions & { readonly prefix?: string | undefined } = {},
  ): AsyncIterable<string> {
    let last: string | undefined
    for await (const { name } of this.#layout.objects(options.prefix ?? '', options)) {
      if (name !== last) yield name
      last = name
    }
  }

  /**
   * Deletes one version, document first. Without a version: all of a versioned object, the one of an
   * unversioned. A named version that is absent is no error.
   *
   * @throws {@link MindtraceError} `READ_ONLY`; `INVALID_INPUT` for `latest`; `NOT_FOUND` when all versions
   * were meant and there is none; `UNAVAILABLE` when another writer holds the object.
   */
  async delete(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<void> {
    this.#refuseReadOnly()
    for (const version of await this.#versionsToDelete(name, options)) {
      await this.#layout.delete({ name, version }, { ...options, waitMs: lockWaitMs })
    }
  }

  /** Closes the mount. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.mount[Symbol.asyncDispose]()
  }

  async #versionsToDelete(
    name: string,
    options: CallOptions & { readonly version?: string | undefined },
  ): Promise<readonly string[]> {
    const { versionObjects, versionDigits } = this.settings
    if (options.version === 'latest') {
      throw new MindtraceError('INVALID_INPUT', "'latest' cannot be deleted; name the version")
    }
    if (options.version !== undefined) return [await this.#spelled(name, options.version, options)]
    if (!versionObjects) return [firstVersion(versionDigits)]
    const versions = await this.#layout.versions(name, options)
    if (versions.length === 0) throw objectNotFound(name, undefined)
    return versions
  }

  async #openFile(
    name: string,
    file: string | undefined,
    options: OpenOptions,
  ): Promise<OpenedObject> {
    const id = await this.#resolve(name, options)
    const opened =
      id && (await this.#layout.open(id, (document) => pickFile(id, document, file), options))
    if (id === undefined || opened === undefined) throw objectNotFound(name, options.version)
    const { document, payload } = opened
    const isChecked = options.range === undefined && options.verify !== false
    return {
      object: await this.#describe(id, document, options),
      body: isChecked ? verified(payload.body, id, document) : payload.body,
      sizeBytes: payload.sizeBytes,
      etag: payload.etag,
    }
  }

  /** Reads all files of an object and compares their hash, v1 or v2. False when there is none to compare. */
  async verify(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<boolean> {
    const object = await this.info(name, options)
    if (object.contentHash === undefined) return false
    for (const form of ['v2', 'v1'] as const) {
      if ((await this.#hashOf(object, form, options)) === object.contentHash) return true
    }
    throw hashMismatch(object)
  }

  async #hashOf(object: StoredObject, form: 'v1' | 'v2', options: CallOptions): Promise<string> {
    const hash = new ContentHash(form)
    for (const file of inHashOrder(form, object.files)) {
      hash.beginFile(file)
      const opened = await this.openFile(object.name, file, {
        ...options,
        version: object.version,
        verify: false,
      })
      for await (const chunk of chunksOf(opened.body, options)) hash.update(chunk)
      hash.endFile()
    }
    return hash.digestHex()
  }

  async #putOne(item: PutItem, options: CallOptions): Promise<PutOutcome> {
    const taken = await this.#take(item, options).catch(async (error: unknown) => {
      if (item.body instanceof ReadableStream && !item.body.locked) {
        await item.body.cancel(error).catch(() => {})
      }
      options.signal?.throwIfAborted()
      return { status: 'failed', error } as const
    })
    if ('status' in taken) return taken
    await using staged = taken.staged
    try {
      for (let attempt = 0; ; attempt++) {
        const version = taken.version ?? (await this.#nextVersion(item.name, options))
        const write = { ...taken, staged, name: item.name, version }
        const [outcome] = await this.#layout.save([write], { ...options, waitMs: lockWaitMs })
        const isLost = outcome?.status === 'exists' && taken.version === undefined
        if (!isLost || attempt > 1000) return this.#outcomeOf(write, outcome)
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      return { status: 'failed', error }
    }
  }

  async #putGroup(
    items: readonly PutItem[],
    {
      group,
      outcomes,
      singles,
    }: {
      readonly group: readonly number[]
      readonly outcomes: PutOutcome[]
      readonly singles: number[]
    },
    options: CallOptions,
  ): Promise<void> {
    await using stack = new AsyncDisposableStack()
    const writes: (ObjectWrite & { readonly index: number; readonly isNumbered: boolean })[] = []
    for (const index of group) {
      const item = items[index] as PutItem
      try {
        const taken = await this.#take(item, options)
        stack.use(taken.staged)
        const version = taken.version ?? (await this.#nextVersion(item.name, options))
        writes.push({
          ...taken,
          name: item.name,
          version,
          index,
          isNumbered: taken.version === undefined,
        })
      } catch (error) {
        options.signal?.throwIfAborted()
        outcomes[index] = { status: 'failed', error }
      }
    }
    const saved = await this.#layout.save(writes, options)
    for (const [position, write] of writes.entries()) {
      const outcome = saved[position]
      const isLost = outcome?.status === 'exists' && write.isNumbered
      if (isLost || outcome?.status === 'busy') singles.push(write.index)
      else outcomes[write.index] = await this.#outcomeOf(write, outcome)
    }
  }

  /** Groups of items that are small, in memory and of different names; the others go to `singles`. */
  *#groupsOf(items: readonly PutItem[], singles: number[]): Generator<readonly number[]> {
    let group: number[] = []
    let bytes = 0
    const seen = new Set<string>()
    const counts = new Map<string, number>()
    for (const { name } of items) counts.set(name, (counts.get(name) ?? 0) + 1)
    for (const [index, { name, body }] of items.entries()) {
      if (!isSmall(body) || counts.get(name) !== 1) {
        singles.push(index)
        continue
      }
      seen.add(name)
      group.push(index)
      bytes += body.length
      if (group.length < groupItems && bytes < groupBytes) continue
      yield group
      group = []
      bytes = 0
    }
    if (group.length > 0) yield group
  }

  /** Checks an item and takes its bytes in. `version` is undefined when it is to be numbered. */
  async #take(
    item: PutItem,
    options: CallOptions,
  ): Promise<
    Pick<ObjectWrite, 'staged' | 'file' | 'document' | 'onConflict'> & {
      readonly version: string | undefined
    }
  > {
    this.#refuseReadOnly()
    checkObjectName(item.name)
    const version = this.#versionToWrite(item.version)
    const onConflict = this.#onConflict(item.onConflict)
    await this.#storeSettingsOnce(options)
    const { className, materializer, file, bytes } = encodeBody(item.body)
    const sha256 = item.body instanceof Uint8Array ? item.sha256 : undefined
    const { staged, contentHash } = await this.#stage(file, bytes, { ...options, sha256 })
    const document: ObjectDocument = {
      class: className,
      materializer,
      init_params: {},
      metadata: item.metadata ?? {},
      ...(contentHash === undefined ? {} : { hash: contentHash }),
      _files: [file],
      size_bytes: staged.sizeBytes,
      sha256: staged.sha256,
      ...(item.contentType === undefined ? {} : { content_type: item.contentType }),
    }
    // A numbered write must never replace what another writer numbered alike.
    return {
      staged,
      file,
      document,
      version,
      onConflict: version === undefined ? 'skip' : onConflict,
    }
  }

  async #stage(
    file: string,
    body: Uint8Array | ByteStream,
    options: StageOptions,
  ): Promise<{ readonly staged: StagedBytes; readonly contentHash: string | undefined }> {
    const form = this.#contentHash
    if (form === 'none')
      return { staged: await this.#files.stage(body, options), contentHash: undefined }
    if (body instanceof Uint8Array) {
      return {
        staged: await this.#files.stage(body, options),
        contentHash: contentHashOf(form, file, body),
      }
    }
    const hash = new ContentHash(form)
    hash.beginFile(file)
    const onChunk = (chunk: Uint8Array) => hash.update(chunk)
    const staged = await this.#files.stage(body, { signal: options.signal, onChunk })
    hash.endFile()
    return { staged, contentHash: hash.digestHex() }
  }

  async #outcomeOf(write: ObjectWrite, outcome: WriteOutcome | undefined): Promise<PutOutcome> {
    if (outcome === undefined || outcome.status === 'busy') {
      const error = new MindtraceError(
        'UNAVAILABLE',
        `another process is writing '${write.name}@${write.version}' and did not end in time; repeat`,
        { details: { name: write.name, version: write.version } },
      )
      return { status: 'failed', error }
    }
    if (outcome.status === 'failed') return outcome
    const object = await this.#describe(write, outcome.document, {})
    return { status: outcome.status === 'exists' ? 'skipped' : outcome.status, object }
  }

  async #describe(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions,
  ): Promise<StoredObject> {
    const listed = document._files?.map((file) => file.replaceAll('\\', '/'))
    return {
      name: id.name,
      version: id.version,
      sizeBytes: document.size_bytes,
      sha256: document.sha256,
      contentType: document.content_type,
      metadata: document.metadata,
      className: document.class,
      materializer: document.materializer,
      contentHash: document.hash,
      files: listed ?? (await this.#filesOnMount(id, options)),
    }
  }

  async #filesOnMount(id: ObjectId, options: CallOptions): Promise<string[]> {
    const folder = this.#layout.payloadFolder(id)
    const files = await this.#layout.payloadFiles(id, options)
    return files.map(({ key }) => key.slice(folder.length))
  }

  /** The version a call means; undefined when the highest is meant and there is none. */
  async #resolve(
    name: string,
    options: CallOptions & { readonly version?: string | undefined },
  ): Promise<ObjectId | undefined> {
    const { versionObjects, versionDigits } = this.settings
    if (!versionObjects) return { name, version: firstVersion(versionDigits) }
    if (options.version !== undefined && options.version !== 'latest') {
      return { name, version: await this.#spelled(name, options.version, options) }
    }
    const version = await this.#layout.latest(name, options)
    return version === undefined ? undefined : { name, version }
  }

  // Others may have stored a version in a spelling of their own, which is then what it is called.
  async #spelled(name: string, version: string, options: CallOptions): Promise<string> {
    const normalised = parseVersion(version, this.settings.versionDigits)
    if (
      version === normalised ||
      (await this.#layout.read({ name, version: normalised }, options))
    ) {
      return normalised
    }
    const stored = await this.#layout.versions(name, options)
    return stored.includes(version) ? version : normalised
  }

  #versionToWrite(version: string | undefined): string | undefined {
    const { versionObjects, versionDigits } = this.settings
    if (!versionObjects) return firstVersion(versionDigits)
    if (version === undefined) return undefined
    if (version === 'latest') {
      throw new MindtraceError(
        'INVALID_INPUT',
        "'latest' cannot be written; leave the version out for the next one",
      )
    }
    return parseVersion(version, versionDigits)
  }

  async #nextVersion(name: string, options: CallOptions): Promise<string> {
    const latest = await this.#layout.latest(name, options)
    return latest === undefined
      ? firstVersion(this.settings.versionDigits)
      : bumpVersion(latest.replace(/^v/, ''))
  }

  #onConflict(wanted: OnConflict | undefined): OnConflict {
    if (wanted === 'overwrite' && !this.settings.mutable) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `the registry in '${this.mount.location}' is immutable: onConflict cannot be 'overwrite'`,
      )
    }
    return wanted ?? (this.settings.mutable ? 'overwrite' : 'skip')
  }

  #refuseReadOnly(): void {
    if (!this.readOnly) return
    throw new MindtraceError('READ_ONLY', `the mount '${this.mount.location}' is read-only`)
  }

  async #storeSettingsOnce(options: CallOptions): Promise<void> {
    this.#settingsStored ??= storeSettings(this.#files, this.settings, options)
    try {
      await this.#settingsStored
    } catch (error) {
      this.#settingsStored = undefined
      throw error
    }
  }
}

function isSmall(body: Storable): body is Uint8Array | string {
  return !(body instanceof ReadableStream) && body.length <= smallBytes
}

function pickFile(id: ObjectId, document: ObjectDocument, wanted: string | undefined): string {
  const files = document._files?.map((file) => file.replaceAll('\\', '/'))
  if (wanted !== undefined) {
    if (files === undefined || files.includes(wanted)) return wanted
    throw new MindtraceError('NOT_FOUND', `'${id.name}@${id.version}' has no file '${wanted}'`, {
      details: { ...id, files },
    })
  }
  if (files === undefined) return bytesFile
  if (files.length === 1) return files[0] ?? bytesFile
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${id.name}@${id.version}' has ${files.length} files; open one by its name`,
    { details: { ...id, files, materializer: document.materializer } },
  )
}

/** The stream, ending in `CORRUPT` when what passed does not match the document. */
function verified(body: ByteStream, id: ObjectId, document: ObjectDocument): ByteStream {
  const check = checkOf(document)
  if (check === undefined) return body
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await reader.read()
        if (!next.done) {
          check.update(next.value)
          controller.enqueue(next.value)
        } else if (check.matches()) controller.close()
        else controller.error(hashMismatch(id))
      },
      async cancel(reason) {
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

interface Check {
  update(chunk: Uint8Array): void
  matches(): boolean
}

// Python knows no `sha256` and drops it when it writes, so where it stands it is of these very bytes, and one
// digest is enough. Else it is not known which of the two forms `hash` has.
function checkOf(document: ObjectDocument): Check | undefined {
  const [file] = document._files ?? []
  if (document._files?.length !== 1 || file === undefined) return undefined
  if (document.sha256 !== undefined) {
    const sum = new RunningHash()
    return {
      update: (chunk) => sum.update(chunk),
      matches: () => sum.digestHex() === document.sha256,
    }
  }
  if (document.hash === undefined) return undefined
  const hashes = [new ContentHash('v2'), new ContentHash('v1')]
  for (const hash of hashes) hash.beginFile(file)
  return {
    update: (chunk) => {
      for (const hash of hashes) hash.update(chunk)
    },
    matches: () => {
      for (const hash of hashes) hash.endFile()
      return hashes.some((hash) => hash.digestHex() === document.hash)
    },
  }
}

function hashMismatch({ name, version }: ObjectId): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `the bytes of '${name}@${version}' do not match their hash; restore them from another lake`,
    { details: { name, version } },
  )
}

function objectNotFound(name: string, version: string | undefined): MindtraceError {
  const text = version === undefined ? `no object '${name}'` : `no object '${name}@${version}'`
  return new MindtraceError('NOT_FOUND', text, { details: { name, version } })
}
