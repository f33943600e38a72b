import { type ByteStream, type CallOptions, type Instant, MindtraceError } from '@mindtrace/core'
import type { PayloadRead } from '../cache/payload-source.ts'
import type { ObjectMount, ReadOptions, StageOptions } from '../mount.ts'
import type { ObjectDocument } from '../object-document.ts'

/** One version of one object. */
export interface ObjectId {
  readonly name: string
  readonly version: string
}

/** Bytes that a layout has taken in. Dispose drops them unless they were saved. */
export interface TakenBytes extends AsyncDisposable {
  readonly sizeBytes: number
  /** Undefined where the bytes did not come here. */
  readonly sha256: string | undefined
}

/** A file of an object whose bytes the layout has taken in. */
export interface StagedFile {
  /** Path within the object. */
  readonly path: string
  readonly staged: TakenBytes
}

/** A file in an object store. */
export interface MountFile {
  readonly mount: ObjectMount
  readonly key: string
}

/** What {@link Layout.save} is to store. */
export interface ObjectWrite extends ObjectId {
  /** At least one. */
  readonly files: readonly StagedFile[]
  /** The whole document but what tells where the files lie. */
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

/** A file that was opened, and the document it belongs to. */
export interface OpenedFile {
  readonly document: ObjectDocument
  readonly payload: PayloadRead
}

/** Options of {@link Layout.open}. */
export interface OpenFileOptions extends ReadOptions {
  /** Default true; false reads the mount itself, whatever is kept before it. */
  readonly cache?: boolean | undefined
}

/** A file as it lies in the mount. */
export interface PayloadFile {
  /** Path within the object. */
  readonly path: string
  readonly sizeBytes: number
}

/** Where bytes to be staged will probably go; another version may be saved. */
export interface StageTarget extends ObjectId {
  /** Path within the object. */
  readonly path: string
  /** UUID of the write: the same for all files of one object. */
  readonly token: string
}

/** Options of calls that may have to wait for another writer. */
export interface LockOptions extends CallOptions {
  readonly waitMs?: number | undefined
}

/** What {@link Layout.collectGarbage} did, or would do. */
export interface Garbage {
  /** What no object owns any more: places as keys, each with what it holds. */
  readonly key: string
  readonly sizeBytes: number
}

/**
 * How objects lie under the keys of a mount, and the order of steps that keeps them whole: payload first,
 * the document last. It makes the object exist.
 */
export interface Layout {
  /** The versions of an object in rising order. */
  versions(name: string, options?: CallOptions): Promise<string[]>
  /** The highest version of an object, undefined when there is none. */
  latest(name: string, options?: CallOptions): Promise<string | undefined>
  /** All object versions whose name starts with `prefix`; those of one name stand together. */
  objects(prefix: string, options?: CallOptions): AsyncIterable<ObjectId>
  /** When the document of an object was written, by the clock of the mount; undefined when it does not exist. */
  writtenAt(id: ObjectId, options?: CallOptions): Promise<Instant | undefined>
  /** The document of an object, undefined when it does not exist. */
  read(id: ObjectId, options?: CallOptions): Promise<ReadDocument | undefined>
  /**
   * Opens a file of an object together with the document it belongs to: both of one state, also while
   * another process writes a new one.
   *
   * @throws `CORRUPT` when the document's file is gone.
   */
  open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options?: OpenFileOptions,
  ): Promise<OpenedFile | undefined>
  /** The key of a file of an object with that document. */
  payloadKey(id: ObjectId, document: ObjectDocument, path: string): string
  /** The files that lie where the document's payload is, for documents without a list of them. */
  files(id: ObjectId, document: ObjectDocument, options?: CallOptions): Promise<PayloadFile[]>
  /** Takes a file's bytes in. */
  stage(
    target: StageTarget,
    body: Uint8Array | ByteStream,
    options?: StageOptions,
  ): Promise<TakenBytes>
  /**
   * Takes in what lies under a key of the mount, leaving it there.
   *
   * @throws `NOT_FOUND` when nothing does.
   */
  adopt(target: StageTarget, key: string, options?: StageOptions): Promise<TakenBytes>
  /**
   * Takes in a file of another mount without its bytes coming here, or with `onChunk` for that only.
   * Undefined where nothing can do that, is allowed to, or finds the file: it has to be read and staged.
   */
  bring(
    target: StageTarget,
    file: MountFile,
    options?: StageOptions,
  ): Promise<TakenBytes | undefined>
  /**
   * Stores a group of objects, sharing what it costs to make bytes durable. No two of one group have the
   * same name and version. Gives an outcome for each, in order.
   */
  save(writes: readonly ObjectWrite[], options?: LockOptions): Promise<WriteOutcome[]>
  /** Deletes an object version; an absent one is no error. */
  delete(id: ObjectId, options?: LockOptions): Promise<void>
  /**
   * Finds what crashed writers left behind and nobody has touched for `olderThanMs`, and removes it unless
   * `dryRun`. Nothing that an object owns, or that a live writer holds, is in it.
   */
  collectGarbage(
    options: CallOptions & { readonly olderThanMs: number; readonly dryRun?: boolean | undefined },
  ): AsyncIterable<Garbage>
}

/** `name@version`. */
export function formatId({ name, version }: ObjectId): string {
  return `${name}@${version}`
}

/** Names in keys of documents: `:` is the one character that is encoded. */
export function encodeName(name: string): string {
  return name.replaceAll(':', '%3A')
}

/** The object of a document's key `_meta_<name>@<version><suffix>`, undefined for other keys. */
export function parseDocumentKey(key: string, suffix: string): ObjectId | undefined {
  const at = key.lastIndexOf('@')
  if (!key.startsWith('_meta_') || !key.endsWith(suffix) || at < 0) return undefined
  return {
    name: key.slice('_meta_'.length, at).replaceAll('%3A', ':'),
    version: key.slice(at + 1, -suffix.length),
  }
}

export function busy(id: ObjectId): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `another process is writing '${formatId(id)}' and did not end in time; repeat`,
    { details: { ...id } },
  )
}

export function payloadMissing(id: ObjectId, file: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `'${formatId(id)}' is recorded, but its file '${file}' is gone; restore it or delete the object`,
    { details: { ...id, file } },
  )
}
