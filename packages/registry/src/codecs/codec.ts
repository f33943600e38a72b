import type { ByteStream, CallOptions } from '@mindtrace/core'
import type { Artifact } from '../encoding.ts'
import type { ByteRange } from '../mount.ts'
import type { StoredObject } from '../registry.ts'

/** Options of {@link Codec.decode}. */
export interface DecodeOptions extends CallOptions {
  /**
   * Most that a codec may hold in memory at once; more is `TOO_LARGE`. Default 1 GiB. Values that are
   * read as streams are not bound by it.
   */
  readonly limitBytes?: number | undefined
}

/** The files of one object version, opened for a codec to read. */
export interface StoredFiles {
  readonly object: StoredObject
  /**
   * Opens one file. A whole file is verified as it is read when the object's hash can tell: when it is
   * the only one, or the others are given in `beside`.
   *
   * @throws {@link MindtraceError} `NOT_FOUND` when the object has no such file; `RANGE_NOT_SATISFIABLE`.
   */
  open(path: string, options?: OpenFileOptions): Promise<OpenedFile>
  /**
   * One file as a whole.
   *
   * @throws what {@link StoredFiles.open} throws; `TOO_LARGE` past `limitBytes`; `CORRUPT`.
   */
  bytes(path: string, options?: DecodeOptions): Promise<Uint8Array<ArrayBuffer>>
}

/** Options of {@link StoredFiles.open}. */
export interface OpenFileOptions extends CallOptions {
  readonly range?: ByteRange | undefined
  /** All other files of the object, by path. */
  readonly beside?: ReadonlyMap<string, Uint8Array> | undefined
}

/** A file opened for reading. The body must be read to its end or cancelled. */
export interface OpenedFile {
  readonly body: ByteStream
  /** Of the whole file, also when a range was asked for. */
  readonly sizeBytes: number
}

/** How values of one kind are stored, so that the reference's materializer of that kind reads them. */
export interface Codec<T = unknown, In = T> {
  /** What messages call it. */
  readonly name: string
  /** The materializers whose objects it reads: Python classes, named and never run. */
  readonly materializers: readonly string[]
  /** Which of those objects `load` is to take it for when none is named. Default: all. */
  reads?(object: StoredObject): boolean
  /** Media type that is noted for objects it stores. Default none. */
  readonly contentType?: string | undefined
  /** Whether `save` is to take it for this value. */
  accepts(value: unknown): boolean
  /**
   * The value as files. Large ones are streams that open what they read when they are read.
   *
   * @throws {@link MindtraceError} `INVALID_INPUT` or `VALIDATION_FAILED` for what cannot be stored.
   */
  encode(value: In, options?: CallOptions): Artifact | Promise<Artifact>
  /**
   * The value that the files hold.
   *
   * @throws {@link MindtraceError} `CORRUPT` when they do not hold one; `TOO_LARGE`; `NOT_IMPLEMENTED`
   * when they hold what is not read here.
   */
  decode(files: StoredFiles, options?: DecodeOptions): Promise<T>
}
