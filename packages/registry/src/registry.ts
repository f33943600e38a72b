import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  type Instant,
  isMindtraceError,
  lentChunksOf,
  MindtraceError,
} from '@mindtrace/core'
import type { PayloadCache } from './cache/payload-cache.ts'
import { CachedSource, type PayloadSource, uncached } from './cache/payload-source.ts'
import { ContentHash, type ContentHashForm, inHashOrder } from './content-hash.ts'
import { CopiedObject, SourceChanged } from './copied-object.ts'
import { DirectUploads } from './direct-uploads.ts'
import { type Artifact, decodeText, type Storable } from './encoding.ts'
import type { Garbage, Layout, ObjectId } from './layouts/layout.ts'
import { LocalLayout } from './layouts/local-layout.ts'
import { PlainLayout } from './layouts/plain-layout.ts'
import { RemoteLayout } from './layouts/remote/remote-layout.ts'
import {
  type ByteRange,
  isFileMount,
  isObjectMount,
  type Mount,
  type SignedRequest,
  type SignOptions,
} from './mount.ts'
import { bytesFile, type ObjectDocument } from './object-document.ts'
import {
  type ExpectedBytes,
  type ItemOutcome,
  ObjectWriter,
  type OnConflict,
  type WriteItem,
} from './object-writer.ts'
import {
  type RegistrySettings,
  readSettings,
  resetSettings,
  storeSettings,
  type WantedSettings,
} from './registry-settings.ts'
import { hashMismatch, verified } from './verified-body.ts'
import { firstVersion, parseVersion } from './version.ts'

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
  /**
   * `reference` (default): the reference's layout. `plain`: whatever lies in the mount is an object under
   * its own key, read-only, so that a lake can refer to files where they are.
   */
  readonly layout?: 'reference' | 'plain' | undefined
  /** Taken for settings that are neither given nor stored, in place of the reference's defaults. */
  readonly defaults?: WantedSettings | undefined
  /** Default `v2`, what Python 0.13 and later read; `none` is read by all. */
  readonly contentHash?: ContentHashForm | undefined
  /**
   * Keeps whole payloads that were read, for mounts in object stores; others need none. May be shared by
   * registries. Default: nothing is kept.
   */
  readonly cache?: PayloadCache | undefined
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
  /** What the sender says about the bytes. What differs is `INVALID_INPUT`, and not stored. */
  readonly expected?: ExpectedBytes | undefined
}

/** One object of {@link Registry.putMany}. */
export interface PutItem extends Omit<PutOptions, 'signal'> {
  readonly name: string
  readonly body: Storable | Artifact
}

/** What became of one item of {@link Registry.putMany}. */
export type PutOutcome =
  | { readonly status: 'stored' | 'overwritten' | 'skipped'; readonly object: StoredObject }
  | { readonly status: 'failed'; readonly error: unknown }

/** Options of {@link Registry.copyFrom}. */
export interface CopyFromOptions extends CallOptions {
  /** Of the source. Default and `latest`: the highest. */
  readonly version?: string | undefined
  readonly target?:
    | {
        /** Default: that of the source. */
        readonly name?: string | undefined
        /** Default: the next one. */
        readonly version?: string | undefined
      }
    | undefined
  /** As of {@link PutOptions}. */
  readonly onConflict?: OnConflict | undefined
}

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
  /** Default true; false reads the mount itself: to know what is there. */
  readonly cache?: boolean | undefined
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
const maxCopies = 5
const textLimitBytes = 64 * 1024 * 1024

/**
 * Opens the registry in a mount. Nothing is written before the first put.
 *
 * @throws {@link MindtraceError} `CONFLICT` when a setting differs from the stored one, `CORRUPT` when the
 * stored settings cannot be read.
 */
export async function openRegistry(mount: Mount, options: RegistryOptions = {}): Promise<Registry> {
  if (options.layout === 'plain') {
    if (options.versionObjects === true || options.mutable === true) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `'${mount.location}' with layout=plain has no versions and is never changed: leave version_objects and mutable out`,
      )
    }
    const settings = { versionObjects: false, mutable: false, versionDigits: 3 }
    return new Registry(mount, settings, { ...options, readOnly: true, isStored: true })
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
  /** Objects are files of somebody else's, used where they are: see {@link RegistryOptions.layout}. */
  readonly isPlain: boolean
  /** Bytes that clients bring to the mount themselves. */
  readonly uploads: DirectUploads
  readonly #layout: Layout
  readonly #writer: ObjectWriter
  readonly #contentHash: ContentHashForm
  #settingsStored: Promise<void> | undefined

  /** @internal use {@link openRegistry} */
  constructor(
    mount: Mount,
    settings: RegistrySettings,
    options: RegistryOptions & { readonly isStored: boolean },
  ) {
    this.mount = mount
    this.settings = settings
    this.readOnly = options.readOnly === true
    this.isPlain = options.layout === 'plain'
    const { cache } = options
    const payloads =
      cache !== undefined && isObjectMount(mount) ? new CachedSource(mount, cache) : uncached(mount)
    this.#layout = this.isPlain
      ? new PlainLayout(mount, settings.versionDigits, payloads)
      : layoutOf(mount, payloads)
    this.#contentHash = options.contentHash ?? 'v2'
    this.#writer = new ObjectWriter({
      layout: this.#layout,
      settings,
      contentHash: this.#contentHash,
      location: mount.location,
    })
    this.uploads = new DirectUploads(mount, {
      refuseReadOnly: () => this.#refuseReadOnly(),
      prepare: (callOptions) => this.#storeSettingsOnce(callOptions),
      put: (item, callOptions) => this.#put(item, callOptions),
    })
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
  async put(
    name: string,
    body: Storable | Artifact,
    options: PutOptions = {},
  ): Promise<StoredObject> {
    return this.#put({ ...options, name, body }, options)
  }

  async #put(item: WriteItem, options: CallOptions): Promise<StoredObject> {
    this.#refuseReadOnly()
    await this.#storeSettingsOnce(options)
    const outcome = await this.#described(await this.#writer.write(item, options))
    if (outcome.status === 'failed') throw outcome.error
    if (outcome.status !== 'skipped') return outcome.object
    const { version, sizeBytes, sha256 } = outcome.object
    throw new MindtraceError(
      'DUPLICATE',
      `'${item.name}@${version}' exists already; choose another version${this.settings.mutable ? ", or onConflict 'overwrite'" : ''}`,
      { details: { name: item.name, version, sizeBytes, sha256 } },
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
    try {
      this.#refuseReadOnly()
      await this.#storeSettingsOnce(options)
    } catch (error) {
      options.signal?.throwIfAborted()
      return items.map(() => ({ status: 'failed', error }))
    }
    const outcomes = await this.#writer.writeMany(items, options)
    return Promise.all(outcomes.map((outcome) => this.#described(outcome)))
  }

  /**
   * Copies an object of a registry, which may be this one: its files as they are, class, metadata, hashes.
   * Between mounts of one service (and credentials that may read both) the store copies, of any size, and no
   * bytes come here, but for objects without a hash, which get one. Otherwise the bytes are sent, and
   * checked on their way.
   *
   * @throws {@link MindtraceError} `NOT_FOUND` when there is no such version; `CORRUPT` when the source does
   * not match its hash or has lost a file; `UNAVAILABLE` when it is changed again and again; what
   * {@link Registry.put} throws.
   */
  async copyFrom(
    source: Registry,
    name: string,
    options: CopyFromOptions = {},
  ): Promise<StoredObject> {
    const { signal, version, onConflict, target = {} } = options
    this.#refuseReadOnly()
    for (let attempt = 1; ; attempt++) {
      const id = await source.#resolve(name, { version, signal })
      const found = id && (await source.#layout.read(id, { signal }))
      if (id === undefined || found === undefined) throw objectNotFound(name, version)
      const body = new CopiedObject(
        { ...found, id, layout: source.#layout, mount: source.mount },
        { layout: this.#layout, mount: this.mount, contentHash: this.#contentHash },
      )
      const item = { name: target.name ?? name, version: target.version, onConflict, body }
      try {
        return await this.#put(item, { signal })
      } catch (error) {
        if (!(error instanceof SourceChanged)) throw error
        if (attempt === maxCopies) throw changedMeanwhile(id, error)
      }
    }
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
   * When a version (default: the highest) was stored, by the clock of the mount; undefined when there is no
   * such version.
   */
  async writtenAt(
    name: string,
    options: CallOptions & { readonly version?: string | undefined } = {},
  ): Promise<Instant | undefined> {
    const id = await this.#resolve(name, options)
    return id && (await this.#layout.writtenAt(id, options))
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

  /**
   * A GET of one file of an object that anyone may send to the store itself until it expires, undefined
   * for mounts that are no object stores. The file must be named when there are several and none of them
   * is `data.txt`.
   *
   * @throws {@link MindtraceError} `NOT_FOUND`; `INVALID_INPUT` for a file the object has not, or an expiry
   * over seven days; what the mount throws when it has nothing to sign with.
   */
  async signRead(
    name: string,
    options: SignOptions & {
      readonly version?: string | undefined
      readonly file?: string | undefined
      readonly contentType?: string | undefined
      readonly contentDisposition?: string | undefined
    },
  ): Promise<SignedRequest | undefined> {
    const id = await this.#resolve(name, options)
    const found = id && (await this.#layout.read(id, options))
    if (id === undefined || found === undefined) throw objectNotFound(name, options.version)
    if (!isObjectMount(this.mount)) return undefined
    const { document } = found
    const isBytes = document._files?.includes(bytesFile) === true
    const file = pickFile(id, document, options.file ?? (isBytes ? bytesFile : undefined))
    return this.mount.signRead(this.#layout.payloadKey(id, document, file), options)
  }

  /**
   * What crashed writers and abandoned uploads left behind, untouched for `olderThanMs`; it is removed
   * unless `dryRun`. Reads the whole mount.
   */
  collectGarbage(
    options: CallOptions & { readonly olderThanMs: number; readonly dryRun?: boolean | undefined },
  ): AsyncIterable<Garbage> {
    if (options.dryRun !== true) this.#refuseReadOnly()
    return this.#layout.collectGarbage(options)
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
    const body = isChecked ? verified(payload.body, id, document) : payload.body
    return {
      object: await this.#describe(id, document, options),
      body: payload.through?.(body) ?? body,
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
        cache: false,
      })
      for await (const chunk of lentChunksOf(opened.body, options)) hash.update(chunk)
      hash.endFile()
    }
    return hash.digestHex()
  }

  async #described(outcome: ItemOutcome): Promise<PutOutcome> {
    if (outcome.status === 'failed') return outcome
    const object = await this.#describe(outcome.id, outcome.document, {})
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
      files: listed ?? (await this.#layout.files(id, document, options)).map(({ path }) => path),
    }
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

  /**
   * Forgets what materializers Python programs have registered here. The settings stay: the reference puts its defaults
   * in their place, with which a mount of other settings can't be opened any more.
   *
   * @throws {@link MindtraceError} `READ_ONLY`, or what the mount throws.
   */
  async forgetMaterializers(options: CallOptions = {}): Promise<void> {
    this.#refuseReadOnly()
    await resetSettings(this.mount, this.settings, options)
  }

  #refuseReadOnly(): void {
    if (!this.readOnly) return
    throw new MindtraceError('READ_ONLY', `the mount '${this.mount.location}' is read-only`)
  }

  async #storeSettingsOnce(options: CallOptions): Promise<void> {
    this.#settingsStored ??= storeSettings(this.mount, this.settings, options)
    try {
      await this.#settingsStored
    } catch (error) {
      this.#settingsStored = undefined
      throw error
    }
  }
}

function layoutOf(mount: Mount, payloads: PayloadSource): Layout {
  if (isFileMount(mount)) return new LocalLayout(mount)
  if (isObjectMount(mount)) return new RemoteLayout(mount, { payloads })
  throw new MindtraceError('NOT_IMPLEMENTED', `no layout for objects in '${mount.location}'`)
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

function changedMeanwhile(id: ObjectId, cause: unknown): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `'${id.name}@${id.version}' was changed each time it was copied; repeat`,
    { cause, details: { ...id } },
  )
}

function objectNotFound(name: string, version: string | undefined): MindtraceError {
  const text = version === undefined ? `no object '${name}'` : `no object '${name}@${version}'`
  return new MindtraceError('NOT_FOUND', text, { details: { name, version } })
}
