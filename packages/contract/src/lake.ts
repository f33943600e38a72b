import type { ByteStream, Bytes, CallOptions } from '@mindtrace/core'
import { allTasks, type TaskCall, type TaskInput, type TaskName, type TaskOutput } from './call.ts'
import type {
  AssetArchiveInput,
  DatasetArchiveInput,
  ObjectArchiveInput,
} from './extensions/archives.ts'
import type { UploadTicket } from './extensions/uploads.ts'
import type { IngestGroupResult, IngestSample } from './model/ingest.ts'
import type { StorageRef } from './model/storage.ts'
import type { RowOf, Rows, RowsInput, RowTask } from './rows.ts'

/** Part of a payload: from `start` (0-based) to `end` (inclusive; absent: to the end), as HTTP ranges. */
export interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

export interface ReadOptions extends CallOptions {
  /** @throws `RANGE_NOT_SATISFIABLE` when it starts at or after the end. */
  readonly range?: ByteRange | undefined
}

/** An open payload. Whoever gets it reads `body` to its end or cancels it. */
export interface PayloadRead {
  /** The bytes asked for; it errors with `CORRUPT` at its end when the whole does not match its hash. */
  readonly body: ByteStream
  /** Size of the whole payload, also when a range was asked. */
  readonly sizeBytes: number
  /** The part that `body` holds, when one was asked for. */
  readonly range: { readonly start: number; readonly end: number } | null
  readonly mediaType: string
  /** A strong validator without quotes: the payload's SHA-256 where it is known. */
  readonly etag: string
  readonly storageRef: StorageRef
}

export interface WriteObject {
  /** Null is the default mount. */
  readonly mount: string | null
  readonly name: string
  readonly version?: string | null
  readonly onConflict?: 'skip' | 'overwrite' | null
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly mediaType?: string
}

export interface WrittenObject {
  readonly storage_ref: StorageRef
  readonly size_bytes: number
  /** `sha256:` and 64 hex digits. */
  readonly checksum: string
}

/** The bytes of a sample's asset: whole, or opened when it is their turn. */
export type IngestPayload = Bytes | (() => ByteStream | Promise<ByteStream>)

/** A sample with its bytes, one payload for each role of `sample.assets` that is not in place. */
export interface IngestItem {
  readonly sample: IngestSample
  readonly payloads: Readonly<Record<string, IngestPayload>>
}

/** What a lake does with bytes, which no JSON task can carry. */
export interface LakeStreams {
  /**
   * @throws `NOT_FOUND` for an unknown asset, `PAYLOAD_UNAVAILABLE` when its bytes are not here,
   * `RANGE_NOT_SATISFIABLE`.
   */
  readAsset(assetId: string, options?: ReadOptions): Promise<PayloadRead>
  /** @throws `NOT_FOUND` for an unknown mount, object or version. */
  readObject(ref: ObjectLocation, options?: ReadOptions): Promise<PayloadRead>
  /**
   * Stores and hashes in one pass; visible only when complete.
   *
   * @throws `DUPLICATE` when the version exists and may not be replaced, `READ_ONLY`, `STORAGE_FULL`.
   */
  writeObject(
    request: WriteObject,
    body: Bytes | ByteStream,
    options?: CallOptions,
  ): Promise<WrittenObject>
  /**
   * Writes the payloads of up to 1,000 samples, then their records in one transaction. A sample that
   * can't be taken is `failed` in the result and leaves no record; a failure of storage or database
   * fails the call, and the same call may be made again.
   *
   * @throws `NOT_FOUND` for an unknown session, `CONFLICT` for one that was committed.
   */
  ingestGroup(
    sessionId: string,
    items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
    options?: CallOptions,
  ): Promise<IngestGroupResult>
  /**
   * Every row that the pages of a task would hold, in their order, a few at a time in memory: what exists when the
   * stream begins, or began where its input has a cursor. Asked for when it is first read; what is refused throws there.
   *
   * @throws what the page task throws; `UNAVAILABLE` when it breaks off. `cursor` leads on then.
   */
  rows<Name extends RowTask>(
    name: Name,
    input: RowsInput<Name>,
    options?: CallOptions,
  ): Rows<RowOf<Name>>
  /**
   * A dataset version with all that it leads to. `dataset_version.json` comes first, then for each datum, in the order of
   * the manifest, `samples/<place>.json` (a resolved datum) and `samples/<place>.<role>.<extension>` for each payload,
   * as WebDataset has it; last `annotation_schemas.json`.
   *
   * @throws `NOT_FOUND` for an unknown version; the body with what resolving and reading its parts throws.
   */
  archiveDataset(input: DatasetArchiveInput, options?: CallOptions): Promise<ArchiveRead>
  /**
   * The assets that a filter means: `assets/<id>.json` and `assets/<id>.<extension>` for each.
   *
   * @throws what `assets.list_page` throws for filters and sort.
   */
  archiveAssets(input: AssetArchiveInput, options?: CallOptions): Promise<ArchiveRead>
  /** Stored objects, in the order given: `objects/<mount>/<name>@<version>`. @throws `NOT_FOUND` for the first. */
  archiveObjects(input: ObjectArchiveInput, options?: CallOptions): Promise<ArchiveRead>
  /**
   * Appends bytes to an upload session that was begun with `through_lake`, from `offset` on, and gives how many there are
   * then. What came before a body broke off is kept, across processes: `uploads.progress` says where to go on. With the
   * last byte the session becomes an object.
   *
   * @throws `CONFLICT` with `arrived` in its details for another offset, and for a session that has ended; `TOO_LARGE`.
   */
  appendUpload(
    ticket: UploadTicket,
    offset: number,
    body: Bytes | ByteStream,
    options?: CallOptions,
  ): Promise<{ readonly offset: number }>
}

/** A tar archive (POSIX, pax) that is made while it is read: equal content gives equal bytes. */
export interface ArchiveRead {
  /**
   * It errors when a payload can't be read or is not what was stored, so it never ends early: what comes whole is whole.
   * Whoever gets it reads it to its end or cancels it.
   */
  readonly body: ByteStream
  /** What it may be called: `hands@1.0.0.tar`. */
  readonly fileName: string
}

/** Where an object lies. A null version is the latest. */
export type ObjectLocation = Pick<StorageRef, 'mount' | 'name'> & {
  readonly version?: string | null
}

type CamelCase<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Text

type Method<Name extends TaskName> =
  undefined extends TaskInput<Name>
    ? (input?: undefined, options?: CallOptions) => Promise<TaskOutput<Name>>
    : (input: TaskInput<Name>, options?: CallOptions) => Promise<TaskOutput<Name>>

type HeadOf<Names extends string> = Names extends `${infer Head}.${string}` ? Head : Names
type TailOf<Names extends string, Head extends string> = Names extends `${Head}.${infer Tail}`
  ? Tail
  : never

type MethodTree<Names extends string, Prefix extends string = ''> = {
  readonly [Head in HeadOf<Names> as CamelCase<Head>]: `${Prefix}${Head}` extends TaskName
    ? Method<`${Prefix}${Head}`>
    : MethodTree<TailOf<Names, Head>, `${Prefix}${Head}.`>
}

/** Every task as a method: `lake.assets.getByAlias(…)` is the task `assets.get_by_alias`. */
export type TaskMethods = MethodTree<TaskName>

/**
 * A lake: in this process, or behind HTTP. Whatever is written against it works with both.
 * Errors are {@link MindtraceError}s with the same codes on either side.
 */
export interface Lake extends TaskMethods, AsyncDisposable {
  readonly call: TaskCall
  readonly streams: LakeStreams
}

/** What makes a {@link Lake}: one function for all tasks, the streams, and an end. */
export interface LakeAdapter {
  readonly call: TaskCall
  readonly streams: LakeStreams
  dispose(): Promise<void>
}

/** Builds the methods over an adapter from the task table. Disposing twice is fine. */
export function createLake(adapter: LakeAdapter): Lake {
  const methods: Record<string, unknown> = {}
  for (const name of Object.keys(allTasks) as TaskName[]) {
    const segments = name.split('.').map(camelCase)
    const last = segments.pop() as string
    let node = methods
    for (const segment of segments) {
      node[segment] ??= {}
      node = node[segment] as Record<string, unknown>
    }
    node[last] = (input: TaskInput<typeof name>, options?: CallOptions) =>
      adapter.call(name, input, options)
  }
  let disposed: Promise<void> | undefined
  return {
    ...(methods as TaskMethods),
    call: adapter.call,
    streams: adapter.streams,
    [Symbol.asyncDispose]: () => {
      disposed ??= adapter.dispose()
      return disposed
    },
  }
}

function camelCase(text: string): string {
  return text.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())
}
