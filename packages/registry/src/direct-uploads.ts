import { realpath } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type ByteStream, type CallOptions, MindtraceError } from '@mindtrace/core'
import { type AppendedUpload, appendBytes, arrivedBytes } from './append-upload.ts'
import {
  isFileMount,
  isObjectMount,
  type Mount,
  type ObjectMount,
  type PartLimits,
  type PartsUpload,
  type SignedRequest,
  type SignOptions,
  type UploadedPart,
} from './mount.ts'
import { bytesFile, bytesMaterializer } from './object-document.ts'
import { uploadsFolder } from './object-name.ts'
import type { ExpectedBytes, OnConflict, WriteItem } from './object-writer.ts'
import type { StoredObject } from './registry.ts'

/** Where a client's bytes wait, as the reference writes it down. */
export interface StagedTarget {
  readonly kind: 'local_file' | 's3_object' | 'gcs_object'
  /** An absolute path, or the whole key in the bucket. */
  readonly path: string
}

/** How a client is to bring its bytes. */
export type UploadTarget = {
  readonly stagedTarget: StagedTarget
  readonly contentType: string
} & (
  | {
      readonly method: 'local_path'
      /** To be written by a program on the machine of the lake. */
      readonly path: string
    }
  | {
      readonly method: 'presigned_url'
      /** To be sent with exactly these headers. */
      readonly request: SignedRequest
    }
)

/** What waits at a {@link StagedTarget}. */
export interface StagedUpload {
  readonly sizeBytes: number
  readonly etag: string
}

/** Options of {@link DirectUploads.commit}. */
export interface CommitOptions extends CallOptions {
  /** Default: the next one. */
  readonly version?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly contentType?: string | undefined
  readonly onConflict?: OnConflict | undefined
  readonly expected?: ExpectedBytes | undefined
}

/** What uploads need of the registry they are of. */
interface RegistryOfUploads {
  readonly refuseReadOnly: () => void
  /** Makes what is missing of the place itself, such as a bucket. */
  readonly prepare: (options: CallOptions) => Promise<void>
  readonly put: (item: WriteItem, options: CallOptions) => Promise<StoredObject>
}

/**
 * Bytes that clients bring to a mount without sending them through us: to a path on this machine, or to
 * the store by a signed request, whole or in parts. They wait under `_direct_uploads/<id>/data.txt` until
 * they are committed as a `bytes` object.
 *
 * @see registry.md 16
 */
export class DirectUploads {
  readonly #mount: Mount
  readonly #registry: RegistryOfUploads

  /** @internal */
  constructor(mount: Mount, registry: RegistryOfUploads) {
    this.#mount = mount
    this.#registry = registry
  }

  /**
   * Makes a place for an upload. `uploadId` must be new: letters, digits, `_` and `-`, up to 128.
   *
   * @throws {@link MindtraceError} `READ_ONLY`; `INVALID_INPUT` for the id or the expiry; `NOT_IMPLEMENTED`
   * for mounts in memory; what the mount throws when it has nothing to sign with.
   */
  async begin(
    uploadId: string,
    options: SignOptions & { readonly contentType: string },
  ): Promise<UploadTarget> {
    this.#registry.refuseReadOnly()
    const key = keyOf(uploadId)
    const { contentType } = options
    await this.#registry.prepare({ signal: options.signal })
    if (isObjectMount(this.#mount)) {
      const request = await this.#mount.signWrite(key, options)
      return { method: 'presigned_url', request, contentType, stagedTarget: this.#target(key) }
    }
    const path = isFileMount(this.#mount)
      ? await this.#mount.localPath(key, { makeFolder: true })
      : undefined
    if (path === undefined) throw noUploads(this.#mount)
    const stagedTarget = { kind: 'local_file', path } as const
    return { method: 'local_path', path, contentType, stagedTarget }
  }

  /** What has arrived, undefined when nothing has. @throws `INVALID_INPUT` for a target elsewhere. */
  async inspect(
    target: StagedTarget,
    options: CallOptions = {},
  ): Promise<StagedUpload | undefined> {
    const found = await this.#mount.head(await this.#keyIn(target), options)
    return found && { sizeBytes: found.sizeBytes, etag: found.etag }
  }

  /**
   * Makes what has arrived an object, hashed and compared with what is expected, and removes it from its
   * place. What is not stored stays there, so that the call may be repeated.
   *
   * @throws {@link MindtraceError} `NOT_FOUND` when nothing has arrived; `INVALID_INPUT` when it is not what
   * was expected, or the target lies elsewhere; what {@link Registry.put} throws.
   */
  async commit(
    name: string,
    target: StagedTarget,
    options: CommitOptions = {},
  ): Promise<StoredObject> {
    this.#registry.refuseReadOnly()
    const key = await this.#keyIn(target)
    if ((await this.#mount.head(key, options)) === undefined) {
      throw new MindtraceError(
        'NOT_FOUND',
        `nothing has been uploaded for '${name}' yet; upload it, then complete again`,
        { details: { name } },
      )
    }
    const { signal, ...rest } = options
    const body = {
      className: 'builtins.bytes',
      materializer: bytesMaterializer,
      files: [{ path: bytesFile, body: { adopt: key } }],
    }
    const object = await this.#registry.put({ ...rest, name, body }, { signal })
    await this.#mount.delete(key)
    return object
  }

  /** Removes what has arrived, if anything has. @throws `INVALID_INPUT` for a target elsewhere. */
  async discard(target: StagedTarget, options: CallOptions = {}): Promise<void> {
    this.#registry.refuseReadOnly()
    const key = await this.#keyIn(target)
    await this.#mount.delete(key, options)
    if (!isObjectMount(this.#mount)) return
    // What waited for more bytes to make a part of it.
    const folder = key.slice(0, key.lastIndexOf('/') + 1)
    for await (const left of this.#mount.list(folder, options)) {
      await this.#mount.delete(left.key, options)
    }
  }

  /** How many bytes of an upload have been appended. @throws `NOT_FOUND` when its parts are joined or gone. */
  async arrived(
    target: StagedTarget,
    upload: AppendedUpload,
    options: CallOptions = {},
  ): Promise<number> {
    return await arrivedBytes(this.#mount, await this.#keyIn(target), upload, options)
  }

  /**
   * Goes on with an upload whose bytes come in order; gives how many there are then. What came before the body broke
   * off is kept.
   *
   * @throws {@link MindtraceError} `CONFLICT` with `arrived` in its details when that is not `offset`; `TOO_LARGE` when
   * more comes than the whole has; what the body throws.
   */
  async append(
    target: StagedTarget,
    body: ByteStream,
    upload: AppendedUpload & { readonly offset: number },
    options: CallOptions = {},
  ): Promise<number> {
    this.#registry.refuseReadOnly()
    const key = await this.#keyIn(target)
    const arrived = await arrivedBytes(this.#mount, key, upload, options)
    if (arrived === upload.offset) {
      return await appendBytes(this.#mount, key, body, upload, options)
    }
    throw new MindtraceError(
      'CONFLICT',
      `${arrived} bytes of the upload have arrived, so it goes on there and not at ${upload.offset}`,
      { details: { arrived } },
    )
  }

  /** What parts may be like; undefined when the mount takes none. */
  get partLimits(): PartLimits | undefined {
    return isObjectMount(this.#mount) ? this.#mount.partLimits : undefined
  }

  /** Begins an upload in parts to the place of an upload. @throws `NOT_IMPLEMENTED`, `READ_ONLY`. */
  async beginParts(
    target: StagedTarget,
    options: CallOptions & { readonly contentType?: string | undefined } = {},
  ): Promise<PartsUpload> {
    this.#registry.refuseReadOnly()
    return this.#store().beginParts(await this.#keyIn(target), options)
  }

  /** A PUT of one part, numbered from 1. */
  async signPart(
    upload: PartsUpload,
    number: number,
    options: SignOptions,
  ): Promise<SignedRequest> {
    return this.#store().signPart(checked(upload), number, options)
  }

  /** The parts that have arrived: what an interrupted client need not send again. */
  async listParts(upload: PartsUpload, options: CallOptions = {}): Promise<UploadedPart[]> {
    return this.#store().listParts(checked(upload), options)
  }

  /** Joins the parts that have arrived. What results is committed like a whole upload. */
  async completeParts(upload: PartsUpload, options: CallOptions = {}): Promise<StagedUpload> {
    const store = this.#store()
    const parts = await store.listParts(checked(upload), options)
    const missing = parts.findIndex(({ number }, index) => number !== index + 1)
    if (parts.length === 0 || missing >= 0) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `part ${missing < 0 ? 1 : missing + 1} of the upload has not arrived; send it, then complete again`,
        { details: { part: missing < 0 ? 1 : missing + 1 } },
      )
    }
    return store.completeParts(upload, parts, options)
  }

  /** Drops an upload in parts. */
  async abortParts(upload: PartsUpload, options: CallOptions = {}): Promise<void> {
    await this.#store().abortParts(checked(upload), options)
  }

  #store(): ObjectMount {
    if (isObjectMount(this.#mount)) return this.#mount
    throw new MindtraceError(
      'NOT_IMPLEMENTED',
      `'${this.#mount.location}' takes no parts; write the whole file to its path`,
    )
  }

  #target(key: string): StagedTarget {
    const [scheme, , , ...prefix] = this.#mount.location.split('/')
    const kind = scheme === 'gs:' ? 'gcs_object' : 's3_object'
    return { kind, path: [...prefix, key].join('/') }
  }

  /** The key a target stands for. Nothing outside the folder of uploads can be one. */
  async #keyIn(target: StagedTarget): Promise<string> {
    const key = target.path.split('/').slice(-3).join('/')
    if (uploadKey.test(key)) {
      const path = isFileMount(this.#mount)
        ? await this.#mount.localPath(key)
        : this.#target(key).path
      if (path === target.path) return key
      // The same folder by another way: Python writes a mount down by the links through which it was opened.
      if (isFileMount(this.#mount) && path !== undefined && isAbsolute(target.path)) {
        const root = await realpath(target.path.slice(0, -key.length)).catch(() => undefined)
        if (root !== undefined && join(root, key) === path) return key
      }
    }
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${target.path}' is no place for uploads of '${this.#mount.location}'`,
      { details: { path: target.path } },
    )
  }
}

const uploadKey = new RegExp(
  `^${uploadsFolder}/[A-Za-z0-9_-]{1,128}/${bytesFile.replace('.', '\\.')}$`,
)

function keyOf(uploadId: string): string {
  const key = `${uploadsFolder}/${uploadId}/${bytesFile}`
  if (uploadKey.test(key)) return key
  throw new MindtraceError(
    'INVALID_INPUT',
    `upload id ${JSON.stringify(uploadId.slice(0, 80))} must be letters, digits, '_' and '-', up to 128`,
  )
}

function checked(upload: PartsUpload): PartsUpload {
  if (uploadKey.test(upload.key)) return upload
  throw new MindtraceError('INVALID_INPUT', `'${upload.key}' is no upload`)
}

function noUploads(mount: Mount): MindtraceError {
  return new MindtraceError(
    'NOT_IMPLEMENTED',
    `'${mount.location}' takes no direct uploads; send the bytes to the service`,
  )
}
