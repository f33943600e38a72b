import {
  type ByteStream,
  type CallOptions,
  dropBody,
  MindtraceError,
  mapBounded,
} from '@mindtrace/core'
import type {
  CopyOptions,
  FolderEntry,
  MountObject,
  MountRead,
  ObjectMount,
  ObjectWriteOptions,
  PartsUpload,
  ReadOptions,
  SignedRequest,
  SignOptions,
  StorePlace,
  UploadedPart,
  Written,
} from '../../mount.ts'
import { checkKey, checkPrefix } from '../../mount-key.ts'
import { stagingFolder } from '../../object-name.ts'
import { checkSignedTime, existsAlready, notWhatItWas } from '../mount-errors.ts'
import { GcsBucket, type GcsObject } from './gcs-bucket.ts'
import { GcsClient, type GcsRetry } from './gcs-client.ts'
import { GcsCredentials } from './gcs-credentials.ts'
import { download } from './gcs-download.ts'
import { isRefusal } from './gcs-errors.ts'
import { listLevel, listObjects, modifiedAtOf } from './gcs-list.ts'
import { GcsParts, gcsPartLimits } from './gcs-parts.ts'
import { upload } from './gcs-upload.ts'

/** Options of {@link GcsMount}. */
export interface GcsMountOptions {
  readonly bucket: string
  /** Before every key, without the slashes at its ends. Default: none. */
  readonly prefix?: string | undefined
  /** `http://127.0.0.1:4443`: a store that is not Google's. It is sent no credentials. */
  readonly endpoint?: string | undefined
  /** The address by which clients reach the store, for signed requests. Default: `endpoint`. */
  readonly presignEndpoint?: string | undefined
  /** The project of a bucket that has to be made. Default: that of the credentials. */
  readonly project?: string | undefined
  /** Where a bucket that has to be made lies. Default `US`, as in the reference. */
  readonly location?: string | undefined
  /** Default: waits from half a second on, for a minute in all; half a minute without a byte is a failure. */
  readonly retry?: Partial<GcsRetry> | undefined
}

const google = 'https://storage.googleapis.com'
const retryDefaults: GcsRetry = {
  firstDelayMs: 500,
  maxDelayMs: 16_000,
  totalMs: 60_000,
  idleMs: 30_000,
}
const parallelDeletes = 16
const pingKey = '.mt-probe'
const maxNameBytes = 1024
/** The store counts in seconds. */
const minSignedMs = 1000
// @see https://cloud.google.com/storage/docs/buckets#naming
const bucketNames = /^[a-z\d][a-z\d._-]{1,220}[a-z\d]$/

/**
 * A bucket of Google Cloud Storage, or a folder in one, as a mount.
 *
 *     <prefix>/<key>                              the bytes
 *     <prefix>/.mt-staging/<upload id>/…          uploads in parts; no key lies there and no list shows it
 *
 * The etag of an object is its generation, so conditions are the store's own. The bucket is made by the first
 * write that finds none. An object that was written on a condition, or in chunks, carries a token of its writer (`metadata.mindtrace-write`): a condition that is not met when a
 * request is repeated, because the first answer was lost, is then told from one that another writer spoilt.
 */
export class GcsMount implements ObjectMount {
  readonly capabilities = { persistent: true, files: false } as const
  readonly partLimits = gcsPartLimits
  readonly location: string
  readonly place: StorePlace
  readonly #prefix: string
  readonly #client: GcsClient
  readonly #bucket: GcsBucket
  readonly #credentials: GcsCredentials
  readonly #parts: GcsParts

  constructor(options: GcsMountOptions) {
    const { bucket, project, location = 'US' } = options
    const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '')
    if (!bucketNames.test(bucket)) throw invalid(`'${bucket}' cannot be the name of a bucket`)
    if (prefix !== '') checkKey(prefix)
    const endpoint = parsedEndpoint(options.endpoint ?? google)
    const presignEndpoint = parsedEndpoint(options.presignEndpoint ?? endpoint.href)
    this.location = `gs://${bucket}${prefix === '' ? '' : `/${prefix}`}`
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.place = { service: endpoint.origin, bucket, prefix: this.#prefix }
    this.#credentials = new GcsCredentials({ endpoint, presignEndpoint, project })
    const retry = { ...retryDefaults, ...options.retry }
    this.#client = new GcsClient(endpoint, this.#credentials, retry)
    this.#bucket = new GcsBucket(bucket, this.#client, this.#credentials, { location })
    this.#parts = new GcsParts(this.#bucket, `${this.#prefix}${stagingFolder}/`)
  }

  /** A question after one object, which most likely is none. */
  async ping({ signal }: CallOptions = {}): Promise<void> {
    await this.head(pingKey, { signal })
  }

  async isThere({ signal }: CallOptions = {}): Promise<boolean> {
    return this.#bucket.isThere({ signal })
  }

  async read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    const name = this.#name(key)
    const { range, signal } = options
    signal?.throwIfAborted()
    return download({ bucket: this.#bucket, name, key, range, signal })
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<MountObject | undefined> {
    const found = await this.#bucket.stat(this.#name(key), { signal })
    return found && this.#object(found)
  }

  async write(
    key: string,
    body: Uint8Array | ByteStream,
    options: ObjectWriteOptions = {},
  ): Promise<Written> {
    const { contentType, signal } = options
    try {
      const name = this.#name(key)
      checkContentType(contentType)
      const ifGeneration = conditionOf(options, key)
      signal?.throwIfAborted()
      return await upload(this.#bucket, { name, contentType, ifGeneration }, body, { signal })
    } catch (error) {
      await dropBody(body, error)
      if (isRefusal(error, 412)) throw notAsAsked(key, options, error)
      throw this.#bucket.error(error, 'write', this.#prefix + key)
    }
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#bucket.remove(this.#name(key), { signal })
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<MountObject> {
    checkPrefix(prefix)
    const isAsked = prefix.startsWith(`${stagingFolder}/`)
    for await (const object of listObjects(this.#bucket, this.#prefix + prefix, { signal })) {
      const found = this.#object(object)
      if (!found.key.startsWith(`${stagingFolder}/`) || isAsked) {
        // The console makes folders by empty objects of such names.
        if (!found.key.endsWith('/') && found.key !== '') yield found
      }
    }
  }

  async *listFolder(folder: string, { signal }: CallOptions = {}): AsyncIterable<FolderEntry> {
    checkPrefix(folder)
    for await (const entry of listLevel(this.#bucket, this.#prefix + folder, { signal })) {
      if (entry.kind === 'folder') {
        const key = this.#key(entry.name)
        if (key !== `${stagingFolder}/`) yield { kind: 'folder', key }
      } else {
        const key = this.#key(entry.object.name)
        if (!key.endsWith('/') && key !== '') yield { kind: 'object', key }
      }
    }
  }

  async copy(source: string, target: string, options: CopyOptions = {}): Promise<MountObject> {
    const { contentType, signal, place = this.place } = options
    checkContentType(contentType)
    if (place.service !== this.place.service) {
      throw invalid(`'${place.service}' is another service than that of '${this.location}'`)
    }
    const [from, to] = [this.#name(source, place.prefix), this.#name(target)]
    const { bucket } = place
    return this.#object(await this.#bucket.rewrite(from, to, { bucket, contentType, signal }))
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const names = keys.map((key) => this.#name(key))
    const { signal } = options
    await mapBounded(
      names,
      parallelDeletes,
      (name) => this.#bucket.remove(name, { signal }),
      options,
    )
  }

  async signRead(
    key: string,
    options: SignOptions & {
      readonly contentType?: string | undefined
      readonly contentDisposition?: string | undefined
    },
  ): Promise<SignedRequest> {
    const { contentType, contentDisposition } = options
    const url = await this.#signed(this.#name(key), options, {
      action: 'read',
      ...(contentType === undefined ? {} : { responseType: contentType }),
      ...(contentDisposition === undefined ? {} : { responseDisposition: contentDisposition }),
    })
    return { method: 'GET', url, headers: {} }
  }

  async signWrite(
    key: string,
    options: SignOptions & { readonly contentType: string },
  ): Promise<SignedRequest> {
    const { contentType } = options
    checkContentType(contentType)
    const url = await this.#signed(this.#name(key), options, { action: 'write', contentType })
    return { method: 'PUT', url, headers: { 'Content-Type': contentType } }
  }

  async beginParts(
    key: string,
    options: CallOptions & { readonly contentType?: string | undefined } = {},
  ): Promise<PartsUpload> {
    const name = this.#name(key)
    checkContentType(options.contentType)
    return this.#named(name, 'begin an upload to', () => this.#parts.begin(key, options))
  }

  async writePart(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<UploadedPart> {
    return this.#named(this.#name(upload.key), 'write a part of', () =>
      this.#parts.write(upload, number, body, { signal }),
    )
  }

  async signPart(
    upload: PartsUpload,
    number: number,
    options: SignOptions,
  ): Promise<SignedRequest> {
    const name = this.#parts.nameOf(upload, number)
    return {
      method: 'PUT',
      url: await this.#signed(name, options, { action: 'write' }),
      headers: {},
    }
  }

  async listParts(upload: PartsUpload, { signal }: CallOptions = {}): Promise<UploadedPart[]> {
    return this.#parts.list(upload, { signal })
  }

  async completeParts(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    options: CallOptions & { readonly ifAbsent?: boolean | undefined } = {},
  ): Promise<MountObject> {
    const { ifAbsent, signal } = options
    const name = this.#name(upload.key)
    return this.#object(await this.#parts.complete({ upload, name }, parts, { ifAbsent, signal }))
  }

  async abortParts(upload: PartsUpload, { signal }: CallOptions = {}): Promise<void> {
    await this.#parts.abort(upload, { signal })
  }

  async sweep(options: CallOptions & { readonly olderThanMs: number }): Promise<number> {
    return this.#parts.sweep(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
  }

  async #signed(
    name: string,
    { expiresInMs, signal }: SignOptions,
    config: Omit<Parameters<GcsCredentials['sign']>[2], 'expires'>,
  ): Promise<string> {
    checkSignedTime(expiresInMs, minSignedMs)
    signal?.throwIfAborted()
    const expires = new Date(Date.now() + expiresInMs)
    const url = await this.#credentials.sign(this.#bucket.name, name, { ...config, expires })
    signal?.throwIfAborted()
    return url
  }

  async #named<T>(name: string, action: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw this.#bucket.error(error, action, name)
    }
  }

  #name(key: string, prefix = this.#prefix): string {
    checkKey(key)
    const name = prefix + key
    if (/[\r\n]/.test(name)) throw invalid(`key ${JSON.stringify(key)} has a line break`)
    if (key.startsWith(`${stagingFolder}/`)) {
      throw invalid(`key '${key}' lies in '${stagingFolder}/', which the mount keeps for itself`)
    }
    if (Buffer.byteLength(name) > maxNameBytes) {
      throw invalid(`key '${key.slice(0, 80)}…' and the prefix have over ${maxNameBytes} bytes`)
    }
    return name
  }

  #key(name: string): string {
    return name.slice(this.#prefix.length)
  }

  #object(object: GcsObject): MountObject {
    return {
      key: this.#key(object.name),
      sizeBytes: Number(object.size),
      etag: object.generation,
      modifiedAt: modifiedAtOf(object),
    }
  }
}

function conditionOf({ ifAbsent, ifEtag }: ObjectWriteOptions, key: string): string | undefined {
  if (ifAbsent === true && ifEtag !== undefined) {
    throw invalid(`a write of '${key}' cannot ask for an etag and for nothing to be there`)
  }
  if (ifAbsent === true) return '0'
  if (ifEtag === undefined) return undefined
  if (/^[1-9]\d{0,18}$/.test(ifEtag)) return ifEtag
  // No object here ever had such an etag.
  throw notAsAsked(key, { ifEtag }, undefined)
}

function notAsAsked(key: string, { ifEtag }: ObjectWriteOptions, cause: unknown): MindtraceError {
  return ifEtag === undefined ? existsAlready(key, cause) : notWhatItWas(key, cause)
}

function checkContentType(contentType: string | undefined): void {
  if (contentType === undefined || /^[\x20-\x7e]+$/.test(contentType)) return
  throw invalid(`${JSON.stringify(contentType.slice(0, 80))} is no media type`)
}

function parsedEndpoint(text: string): URL {
  const url = URL.parse(text)
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.pathname === '/'
  if (isPlain) return url
  throw invalid(
    'an endpoint is http://host:port or https://host:port, without a path or credentials',
  )
}

function invalid(message: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', message)
}
