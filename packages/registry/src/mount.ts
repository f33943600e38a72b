import type { ByteStream, CallOptions, Instant } from '@mindtrace/core'

/** What a mount can do beyond the plain calls. Shared code asks here, never for a class or a name. */
export interface MountCapabilities {
  /** The bytes outlive the process. */
  readonly persistent: boolean
  /** The mount is a {@link FileMount}: it stages, publishes and locks. Otherwise an {@link ObjectMount}. */
  readonly files: boolean
}

/** A half-open piece of an object: `start` is in it, `end` (default: the size) is not. */
export interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

/** What a mount knows about an object without reading it. */
export interface MountObject {
  readonly key: string
  readonly sizeBytes: number
  /** Equal text means equal bytes under this key. Bytes written again may or may not have another. */
  readonly etag: string
  readonly modifiedAt: Instant
}

/** One step of {@link Mount.listFolder}: an object, or a folder that holds some. */
export type FolderEntry =
  | { readonly kind: 'object'; readonly key: string }
  /** `key` ends in `/`. */
  | { readonly kind: 'folder'; readonly key: string }

/** An object opened for reading. The body must be read to its end or cancelled. */
export interface MountRead {
  /**
   * A large body is a byte stream where the mount can make one: a reader that brings its own memory, as `LentChunks`
   * does, causes no garbage.
   */
  readonly body: ByteStream
  /** Of the whole object, also when a range was asked for. */
  readonly sizeBytes: number
  readonly etag: string
}

/** What was written: counted and hashed in the pass that stored it. */
export interface Written {
  readonly sizeBytes: number
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly sha256: string
  readonly etag: string
}

/**
 * What must be safe when a write returns. `none`: nothing, for locks and hints. `content`: the bytes were
 * durable before the name showed, the name itself may go with the power. `full`: bytes and name.
 */
export type Durability = 'none' | 'content' | 'full'

/** Options of {@link Mount.read}. */
export interface ReadOptions extends CallOptions {
  readonly range?: ByteRange | undefined
}

/** Options of {@link Mount.write}. */
export interface WriteOptions extends CallOptions {
  /** Create only: fails with `PRECONDITION_FAILED` when the key exists, decided by the store itself. */
  readonly ifAbsent?: boolean | undefined
  /** Default `full`. Object stores are always durable. */
  readonly durability?: Durability | undefined
}

/** Options of {@link ObjectMount.write}. */
export interface ObjectWriteOptions extends WriteOptions {
  /** Replace only: fails with `PRECONDITION_FAILED` unless the key holds what has this etag. */
  readonly ifEtag?: string | undefined
  /** Media type that the store answers downloads with. */
  readonly contentType?: string | undefined
}

/**
 * Where payload bytes lie: keys with `/` between segments, bytes behind them, nothing about objects or
 * versions. Keys are checked by {@link checkKey} in every call, so no key can leave its mount.
 *
 * Every method throws {@link MindtraceError}: `INVALID_INPUT` for a key or range that cannot be,
 * `FORBIDDEN` or `READ_ONLY` when the store refuses, `STORAGE_FULL`, `UNAVAILABLE` when it does not
 * answer; an abort throws the signal's reason untouched. After a failed or aborted write the key holds
 * what it held before.
 */
export interface Mount extends AsyncDisposable {
  readonly capabilities: MountCapabilities
  /** The place as text, without secrets: an absolute folder, `s3://bucket/prefix`, `memory:`. */
  readonly location: string
  /**
   * Whether the place answers, at the cost of one small question. A place that has not been made yet, because
   * nothing was written, is no failure; one that was there and is gone is.
   *
   * @throws `UNAVAILABLE`, or what the store refuses with.
   */
  ping(options?: CallOptions): Promise<void>
  /**
   * Whether the place itself is there: the folder, the bucket. The first write makes it; reading never does.
   * Without it there is nothing to delete or to sweep and `head` gives undefined. A bucket that is missing may be
   * a misspelt one, so the lists throw `NOT_FOUND` with its name, as `read` does where the store tells it; a missing
   * folder is an empty one.
   */
  isThere(options?: CallOptions): Promise<boolean>
  /**
   * Opens an object, or a range of it; what was opened stays readable when the key is overwritten or
   * deleted meanwhile. A range that ends past the object is cut.
   *
   * @throws `NOT_FOUND` when the key is absent, `RANGE_NOT_SATISFIABLE` when the range starts past the end.
   */
  read(key: string, options?: ReadOptions): Promise<MountRead>
  /** Facts about a key, undefined when it is absent. */
  head(key: string, options?: CallOptions): Promise<MountObject | undefined>
  /**
   * Stores the bytes under the key. Atomic: a reader gets all old or all new bytes. A stream is read in
   * constant memory and cancelled on failure.
   *
   * @throws `PRECONDITION_FAILED` with `ifAbsent` when the key exists; nothing is written then.
   */
  write(key: string, body: Uint8Array | ByteStream, options?: WriteOptions): Promise<Written>
  /** Removes a key. An absent one is no error, so repeating is harmless. */
  delete(key: string, options?: CallOptions): Promise<void>
  /**
   * The objects whose key starts with `prefix`, in the order of their UTF-8 bytes (what object stores
   * answer). Memory is bounded by the largest folder, not by the mount. What is written or deleted during
   * the walk may or may not appear.
   */
  list(prefix: string, options?: CallOptions): AsyncIterable<MountObject>
  /**
   * One level: the objects and folders directly under `folder` (empty, or ending in `/`), in the order of
   * {@link list}. Costs nothing for what lies beside or deeper.
   */
  listFolder(folder: string, options?: CallOptions): AsyncIterable<FolderEntry>
  /** Removes what crashed writers left behind longer than `olderThanMs` ago; gives the number removed. */
  sweep(options: CallOptions & { readonly olderThanMs: number }): Promise<number>
}

/** Bytes that the mount holds under no key yet. Dispose drops them unless they were published. */
export interface StagedBytes extends AsyncDisposable {
  readonly sizeBytes: number
  readonly sha256: string
}

/** Options of {@link FileMount.stage}. */
export interface StageOptions extends CallOptions {
  /** Sees every chunk as it is taken in, for a digest of the caller's own in the same pass; it is waited for. */
  readonly onChunk?: ((chunk: Uint8Array) => void | Promise<void>) | undefined
  /**
   * SHA-256 of a body in memory, 64 hex digits, by a caller that has just computed it from these very
   * bytes: it is taken as it is. Streams are always hashed.
   */
  readonly sha256?: string | undefined
}

/** One name to give in {@link FileMount.publish}. */
export interface Publication {
  readonly key: string
  readonly staged: StagedBytes
  readonly ifAbsent?: boolean | undefined
}

/** A lock held by this process. Dispose gives it back. */
export interface MountLock extends AsyncDisposable {
  /** False once the lock may have passed to another holder: what it protects must not be written then. */
  isHeld(): boolean
}

/**
 * A mount that acts like a file system: bytes can be taken in first and named later, and keys can be
 * locked between processes. Layouts that keep an object under fixed names need both.
 */
export interface FileMount extends Mount {
  /** Takes the bytes in, counted and hashed, without showing them. */
  stage(body: Uint8Array | ByteStream, options?: StageOptions): Promise<StagedBytes>
  /**
   * Makes the contents of staged bytes durable, all at once, so that a publish of them need not wait for it, and
   * fails for those where this did. Does nothing where the mount keeps nothing.
   */
  makeDurable(staged: readonly StagedBytes[], options?: CallOptions): Promise<void>
  /**
   * Names staged bytes, all contents durable first, in the order given, with the costs of a group shared.
   * One outcome per publication, in order; a refused one does not stop the others.
   */
  publish(
    publications: readonly Publication[],
    options?: CallOptions & { readonly durability?: Durability | undefined },
  ): Promise<PromiseSettledResult<Written>[]>
  /**
   * Takes the exclusive lock of a name, waiting up to `waitMs` (default 0). Undefined when another
   * holder kept it. A crashed holder's lock is taken over when its process is gone or its time is over.
   */
  lock(
    name: string,
    options?: CallOptions & { readonly waitMs?: number | undefined },
  ): Promise<MountLock | undefined>
  /** Whether a live holder has the exclusive lock of the name. */
  isLocked(name: string): Promise<boolean>
  /**
   * Where a program on this machine may write the bytes of a key itself, without links in it; with
   * `makeFolder` its folder is there. Undefined when there is no such place.
   */
  localPath(
    key: string,
    options?: { readonly makeFolder?: boolean | undefined },
  ): Promise<string | undefined>
}

/** Whether the mount stages, publishes and locks. */
export function isFileMount(mount: Mount): mount is FileMount {
  return mount.capabilities.files
}

/** A request that a client may send to the store itself, without credentials of its own. */
export interface SignedRequest {
  readonly method: 'GET' | 'PUT'
  readonly url: string
  /** To be sent exactly as they stand. */
  readonly headers: Readonly<Record<string, string>>
}

/** How long a signed request is good. At most seven days, the limit of the stores. */
export interface SignOptions extends CallOptions {
  readonly expiresInMs: number
}

/** An upload in parts. The store keeps it until it is completed or aborted, so another process can go on. */
export interface PartsUpload {
  readonly key: string
  readonly uploadId: string
}

/** A part that the store has. */
export interface UploadedPart {
  /** From 1. */
  readonly number: number
  readonly sizeBytes: number
  readonly etag: string
}

/** What a store allows of {@link ObjectMount.beginParts}. The last part may be smaller. */
export interface PartLimits {
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxParts: number
}

/** Options of {@link ObjectMount.copy}. */
export interface CopyOptions extends CallOptions {
  /** Media type of the copy. Default: that of the source. */
  readonly contentType?: string | undefined
  /** Where the key of the source is meant. Default: in this mount. */
  readonly place?: StorePlace | undefined
}

/** Where in an object store a mount lies: equal for two mounts of the same place. Holds no secrets. */
export interface StorePlace {
  /** The service, by its address. Mounts of one service can copy from each other, as far as they may. */
  readonly service: string
  readonly bucket: string
  /** Before every key: empty, or ending in `/`. */
  readonly prefix: string
}

/**
 * A mount in an object store: keys are replaced whole, under conditions that the store decides itself, so
 * no locks are needed; clients can move bytes without us through signed requests.
 */
export interface ObjectMount extends Mount {
  readonly partLimits: PartLimits
  readonly place: StorePlace
  write(key: string, body: Uint8Array | ByteStream, options?: ObjectWriteOptions): Promise<Written>
  /**
   * Copies an object, of any size, without its bytes coming here: within the mount, or from another place of
   * the same service.
   *
   * @throws `NOT_FOUND` when the source is absent.
   */
  copy(source: string, target: string, options?: CopyOptions): Promise<MountObject>
  /** Removes keys, in as few requests as the store allows. Absent ones are no error. */
  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void>
  /** A GET of the key. The key need not exist. */
  signRead(
    key: string,
    options: SignOptions & {
      readonly contentType?: string | undefined
      readonly contentDisposition?: string | undefined
    },
  ): Promise<SignedRequest>
  /** A PUT of the whole key, with this media type. */
  signWrite(
    key: string,
    options: SignOptions & { readonly contentType: string },
  ): Promise<SignedRequest>
  /** Begins an upload in parts. Nothing shows under the key before it is completed. */
  beginParts(
    key: string,
    options?: CallOptions & { readonly contentType?: string | undefined },
  ): Promise<PartsUpload>
  /** Stores a part; one of the same number is replaced. @throws `NOT_FOUND` when the upload is over. */
  writePart(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<UploadedPart>
  /** A PUT of a part. */
  signPart(upload: PartsUpload, number: number, options: SignOptions): Promise<SignedRequest>
  /** The parts the store has, by number: what an interrupted upload need not send again. */
  listParts(upload: PartsUpload, options?: CallOptions): Promise<UploadedPart[]>
  /**
   * Makes the parts, in the order given, the bytes of the key.
   *
   * @throws `PRECONDITION_FAILED` with `ifAbsent` when the key exists; `INVALID_INPUT` for parts that the
   * store does not have or that are too small; `NOT_FOUND` when the upload is over.
   */
  completeParts(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    options?: CallOptions & { readonly ifAbsent?: boolean | undefined },
  ): Promise<MountObject>
  /** Drops the upload and its parts. One that is over is no error. */
  abortParts(upload: PartsUpload, options?: CallOptions): Promise<void>
}

/** Whether the mount is in an object store. */
export function isObjectMount(mount: Mount): mount is ObjectMount {
  return !mount.capabilities.files
}
