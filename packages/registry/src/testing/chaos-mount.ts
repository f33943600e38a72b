import { type ByteStream, type CallOptions, streamOf } from '@mindtrace/core'
import {
  type FileMount,
  isFileMount,
  isObjectMount,
  type Mount,
  type ObjectMount,
  type ObjectWriteOptions,
  type ReadOptions,
} from '../mount.ts'

/** Calls of a mount that can be made to fail. */
export type MountOperation =
  | 'ping'
  | 'read'
  | 'head'
  | 'write'
  | 'delete'
  | 'list'
  | 'listFolder'
  | 'stage'
  | 'publish'
  | 'lock'
  | 'copy'

/** One planned failure of {@link chaosMount}. */
export interface PlannedFailure {
  readonly operation: MountOperation
  /** What is thrown; a function makes a new one each time. */
  readonly error: unknown
  /** Calls of the operation that pass before. Default 0. */
  readonly afterCalls?: number | undefined
  /** Calls that fail. Default: all further ones. */
  readonly times?: number | undefined
  /** Only calls for a key or name that contains this. For `publish`, the named keys fail, not the group. */
  readonly keyIncludes?: string | undefined
  /** For bodies and reads: the failure comes after this many bytes, not at once. */
  readonly afterBytes?: number | undefined
}

/** A mount that fails as planned, and otherwise is the mount it wraps. */
export type ChaosMount = (FileMount | ObjectMount) & {
  /** Calls made so far, failed ones included, in order. */
  readonly calls: readonly { readonly operation: MountOperation; readonly key: string }[]
}

/** Wraps a mount so that chosen calls fail: the disk is full, the store does not answer, a read breaks off. */
export function chaosMount(mount: Mount, failures: readonly PlannedFailure[]): ChaosMount {
  const calls: { operation: MountOperation; key: string }[] = []
  const seen = failures.map(() => 0)

  const failureFor = (operation: MountOperation, key: string) => {
    let found: PlannedFailure | undefined
    for (const [index, failure] of failures.entries()) {
      if (failure.operation !== operation || !key.includes(failure.keyIncludes ?? '')) continue
      const call = (seen[index] ?? 0) - (failure.afterCalls ?? 0)
      seen[index] = (seen[index] ?? 0) + 1
      if (call >= 0 && call < (failure.times ?? Infinity)) found ??= failure
    }
    return found
  }
  const enter = (operation: MountOperation, key: string): PlannedFailure | undefined => {
    calls.push({ operation, key })
    const failure = failureFor(operation, key)
    if (failure !== undefined && failure.afterBytes === undefined) throw thrown(failure)
    return failure
  }

  const common = {
    capabilities: mount.capabilities,
    location: mount.location,
    calls,
    ping: async (options?: CallOptions) => {
      enter('ping', '')
      return mount.ping(options)
    },
    isThere: (options?: CallOptions) => mount.isThere(options),
    read: async (key: string, options?: ReadOptions) => {
      const failure = enter('read', key)
      const opened = await mount.read(key, options)
      return { ...opened, body: breaking(opened.body, failure) }
    },
    head: async (key: string, options?: CallOptions) => {
      enter('head', key)
      return mount.head(key, options)
    },
    write: async (key: string, body: Uint8Array | ByteStream, options?: ObjectWriteOptions) =>
      mount.write(key, broken(body, enter('write', key)), options),
    delete: async (key: string, options?: CallOptions) => {
      enter('delete', key)
      return mount.delete(key, options)
    },
    list: async function* (prefix: string, options?: CallOptions) {
      enter('list', prefix)
      yield* mount.list(prefix, options)
    },
    listFolder: async function* (folder: string, options?: CallOptions) {
      enter('listFolder', folder)
      yield* mount.listFolder(folder, options)
    },
    sweep: (options: CallOptions & { readonly olderThanMs: number }) => mount.sweep(options),
    [Symbol.asyncDispose]: () => mount[Symbol.asyncDispose](),
  }
  if (isObjectMount(mount)) {
    return {
      ...common,
      partLimits: mount.partLimits,
      place: mount.place,
      copy: async (source, target, options) => {
        enter('copy', target)
        return mount.copy(source, target, options)
      },
      deleteMany: async (keys, options) => {
        for (const key of keys) enter('delete', key)
        return mount.deleteMany(keys, options)
      },
      signRead: (key, options) => mount.signRead(key, options),
      signWrite: (key, options) => mount.signWrite(key, options),
      signPart: (upload, number, options) => mount.signPart(upload, number, options),
      beginParts: (key, options) => mount.beginParts(key, options),
      writePart: (upload, number, body, options) => mount.writePart(upload, number, body, options),
      listParts: (upload, options) => mount.listParts(upload, options),
      completeParts: (upload, parts, options) => mount.completeParts(upload, parts, options),
      abortParts: (upload, options) => mount.abortParts(upload, options),
    }
  }
  if (!isFileMount(mount)) throw new TypeError('chaosMount wraps file and object mounts')
  return {
    ...common,
    stage: async (body, options) => mount.stage(broken(body, enter('stage', '')), options),
    makeDurable: (staged, options) => mount.makeDurable(staged, options),
    publish: async (publications, options) => {
      const failed = publications.map(({ key }) => {
        calls.push({ operation: 'publish', key })
        return failureFor('publish', key)
      })
      const passed = publications.filter((_, index) => failed[index] === undefined)
      const outcomes = await mount.publish(passed, options)
      let position = 0
      return failed.map((failure) =>
        failure === undefined
          ? (outcomes[position++] as PromiseSettledResult<never>)
          : { status: 'rejected', reason: thrown(failure) },
      )
    },
    lock: async (name, options) => {
      enter('lock', name)
      return mount.lock(name, options)
    },
    isLocked: (name) => mount.isLocked(name),
    localPath: (key, options) => mount.localPath(key, options),
  }
}

function thrown(failure: PlannedFailure): unknown {
  return typeof failure.error === 'function' ? failure.error() : failure.error
}

function broken(
  body: Uint8Array | ByteStream,
  failure: PlannedFailure | undefined,
): Uint8Array | ByteStream {
  if (failure === undefined) return body
  return breaking(body instanceof Uint8Array ? streamOf(body) : body, failure)
}

function breaking(body: ByteStream, failure: PlannedFailure | undefined): ByteStream {
  if (failure?.afterBytes === undefined) return body
  let left = failure.afterBytes
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (chunk.byteLength > left) {
          controller.enqueue(chunk.subarray(0, left))
          throw thrown(failure)
        }
        left -= chunk.byteLength
        controller.enqueue(chunk)
      },
    }),
  )
}
