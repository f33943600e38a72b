import { hash } from 'node:crypto'
import { type CallOptions, MindtraceError, mapBounded, newToken } from '@mindtrace/core'
import type { PartLimits, PartsUpload, UploadedPart } from '../../mount.ts'
import { existsAlready, noUpload } from '../mount-errors.ts'
import {
  type GcsBucket,
  type GcsNewObject,
  type GcsObject,
  isWrittenWith,
  maxComposed,
} from './gcs-bucket.ts'
import { isRefusal } from './gcs-errors.ts'
import { listObjects } from './gcs-list.ts'
import { upload as writeObject } from './gcs-upload.ts'

/** Parts are composed, which bounds no part from below; their number is that of S3. */
export const gcsPartLimits: PartLimits = {
  minBytes: 1,
  maxBytes: 5 * 1024 ** 4,
  maxParts: 10_000,
}

/** Where a finished upload goes. */
interface Target {
  readonly upload: PartsUpload
  /** Its full name in the bucket. */
  readonly name: string
}

const uploadIds = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/
const parallel = 16

/**
 * Uploads in parts, which GCS has not over this API: every part is an object of its own beside the others,
 * and completing composes them, 32 at a time, in as many rounds as it takes.
 *
 *     <folder><upload id>/upload            that it is under way, of which key and media type
 *     <folder><upload id>/part-00001        a part
 *     <folder><upload id>/join-<token>-…    parts composed to larger ones while it is completed
 *
 * The folder is one that no key of the mount lies in. Completing composes to the key itself last, under the
 * caller's condition; the rest is removed after it, so that a crash leaves what a sweep finds.
 */
export class GcsParts {
  readonly #bucket: GcsBucket
  readonly #folder: string

  constructor(bucket: GcsBucket, folder: string) {
    this.#bucket = bucket
    this.#folder = folder
  }

  async begin(
    key: string,
    options: CallOptions & { readonly contentType?: string | undefined },
  ): Promise<PartsUpload> {
    const { contentType, signal } = options
    const uploadId = crypto.randomUUID()
    const bytes = Buffer.from(JSON.stringify({ key, contentType }))
    const name = `${this.#folderOf({ key, uploadId })}upload`
    await this.#bucket.insert(
      { name, contentType: 'application/json', bytes, md5: hash('md5', bytes, 'base64') },
      { signal },
    )
    return { key, uploadId }
  }

  async write(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    options: CallOptions,
  ): Promise<UploadedPart> {
    const name = this.nameOf(upload, number)
    await this.#mustBeUnderWay(upload, options)
    const { sizeBytes, etag } = await writeObject(this.#bucket, { name }, body, options)
    return { number, sizeBytes, etag }
  }

  /** The full name of the object that a part is. */
  nameOf(upload: PartsUpload, number: number): string {
    const { maxParts } = gcsPartLimits
    if (!Number.isInteger(number) || number < 1 || number > maxParts) {
      throw invalid(`parts are numbered from 1 to ${maxParts}, not ${number}`)
    }
    return `${this.#folderOf(upload)}part-${String(number).padStart(5, '0')}`
  }

  /** @throws `NOT_FOUND` when the upload is over. */
  async list(upload: PartsUpload, options: CallOptions): Promise<UploadedPart[]> {
    const [parts] = await Promise.all([
      this.#listed(upload, options),
      this.#mustBeUnderWay(upload, options),
    ])
    return parts
  }

  async complete(
    { upload, name }: Target,
    parts: readonly UploadedPart[],
    options: CallOptions & { readonly ifAbsent?: boolean | undefined },
  ): Promise<GcsObject> {
    const { ifAbsent, signal } = options
    const [{ contentType }, stored] = await Promise.all([
      this.#mustBeUnderWay(upload, { signal }),
      this.#listed(upload, { signal }),
    ])
    // The token says whose object is there: an earlier call may have been cut off after the last compose.
    const target = {
      name,
      contentType,
      token: upload.uploadId,
      ifGeneration: ifAbsent === true ? '0' : undefined,
    }
    const current = await this.#bucket.stat(name, { signal })
    if (isWrittenWith(target.token, current) && current !== undefined) {
      await this.abort(upload, { signal })
      return current
    }
    // Spares composing in vain; the store decides below.
    if (ifAbsent === true && current !== undefined) throw existsAlready(upload.key)
    const sources = this.#sources(upload, parts, stored)
    const composed = await this.#composed(upload, target, sources, { signal })
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0)
    if (Number(composed.size) !== sizeBytes) {
      await this.#bucket.remove(name, { generation: composed.generation })
      throw new MindtraceError('CORRUPT', `'${upload.key}' is not the sum of its parts; repeat it`)
    }
    await this.abort(upload, {}) // the object is there, whatever the caller wants now
    return composed
  }

  /** Removes an upload and its parts. The first to go is what says that it is under way. */
  async abort(upload: PartsUpload, options: CallOptions): Promise<void> {
    const folder = this.#folderOf(upload)
    await this.#bucket.remove(`${folder}upload`, options)
    const names: string[] = []
    for await (const { name } of listObjects(this.#bucket, folder, options)) names.push(name)
    await this.#removeAll(names, options)
  }

  /** Removes uploads in which nothing has happened for so long; gives their number. */
  async sweep(options: CallOptions & { readonly olderThanMs: number }): Promise<number> {
    const { olderThanMs, signal } = options
    const before = Date.now() - olderThanMs
    let removed = 0
    let folder = ''
    let names: string[] = []
    let newest = 0
    const close = async () => {
      if (names.length === 0 || (olderThanMs > 0 && newest > before)) return
      await this.#removeAll(names, { signal })
      removed++
    }
    if (!(await this.#bucket.isThere({ signal }))) return 0
    for await (const { name, updated } of listObjects(this.#bucket, this.#folder, { signal })) {
      const current = name.slice(0, name.indexOf('/', this.#folder.length) + 1)
      if (current !== folder) {
        await close()
        folder = current
        names = []
        newest = 0
      }
      names.push(name)
      newest = Math.max(newest, Date.parse(updated))
    }
    await close()
    return removed
  }

  async #composed(
    upload: PartsUpload,
    target: GcsNewObject,
    parts: readonly Pick<GcsObject, 'name' | 'generation'>[],
    options: CallOptions,
  ): Promise<GcsObject> {
    const run = newToken() // two that complete the same upload do not meet
    let sources = parts
    try {
      for (let round = 1; sources.length > maxComposed; round++) {
        const groups = Array.from({ length: Math.ceil(sources.length / maxComposed) }, (_, index) =>
          sources.slice(index * maxComposed, (index + 1) * maxComposed),
        )
        sources = await mapBounded(
          groups,
          parallel,
          (group, index) => {
            const name = `${this.#folderOf(upload)}join-${run}-${round}-${index}`
            return this.#bucket.compose({ name, sources: group }, options)
          },
          options,
        )
      }
      return await this.#bucket.compose({ ...target, sources }, options)
    } catch (error) {
      if (!isRefusal(error, 404, 412)) throw this.#bucket.error(error, 'complete', target.name)
      const found = await this.#bucket.ours(target, options)
      if (found !== undefined) return found
      if (target.ifGeneration !== undefined) {
        if ((await this.#bucket.stat(target.name, options)) !== undefined) {
          throw existsAlready(upload.key, error)
        }
      }
      throw invalid(
        `a part of '${upload.key}' was replaced or removed while it was completed`,
        error,
      )
    }
  }

  #sources(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    stored: readonly UploadedPart[],
  ): Pick<GcsObject, 'name' | 'generation'>[] {
    if (parts.length === 0) throw invalid(`an upload to '${upload.key}' has at least one part`)
    const byNumber = new Map(stored.map((part) => [part.number, part]))
    const seen = new Set<number>()
    return parts.map(({ number, etag, sizeBytes }) => {
      const name = this.nameOf(upload, number)
      const there = byNumber.get(number)
      if (seen.has(number)) throw invalid(`part ${number} of '${upload.key}' stands twice`)
      if (there === undefined) throw invalid(`part ${number} of '${upload.key}' is not there`)
      if (there.etag !== etag || there.sizeBytes !== sizeBytes) {
        throw invalid(
          `part ${number} of '${upload.key}' is another one than is named; list them again`,
        )
      }
      seen.add(number)
      return { name, generation: etag }
    })
  }

  async #listed(upload: PartsUpload, options: CallOptions): Promise<UploadedPart[]> {
    const prefix = `${this.#folderOf(upload)}part-`
    const parts: UploadedPart[] = []
    for await (const { name, size, generation } of listObjects(this.#bucket, prefix, options)) {
      parts.push({
        number: Number(name.slice(prefix.length)),
        sizeBytes: Number(size),
        etag: generation,
      })
    }
    return parts
  }

  async #mustBeUnderWay(
    upload: PartsUpload,
    { signal }: CallOptions,
  ): Promise<{ readonly contentType?: string | undefined }> {
    const name = `${this.#folderOf(upload)}upload`
    const facts = await this.#facts(name, { signal })
    if (facts?.key === upload.key) return facts
    throw noUpload(upload)
  }

  async #facts(
    name: string,
    options: CallOptions,
  ): Promise<{ readonly key?: string; readonly contentType?: string } | undefined> {
    try {
      return await this.#bucket.document(name, options)
    } catch (error) {
      if (isRefusal(error, 404)) return undefined
      throw this.#bucket.error(error, 'look up', name)
    }
  }

  async #removeAll(names: readonly string[], options: CallOptions): Promise<void> {
    await mapBounded(names, parallel, (name) => this.#bucket.remove(name, options), options)
  }

  // Nothing but an id that was made here may become a part of a name.
  #folderOf({ uploadId, key }: PartsUpload): string {
    if (uploadIds.test(uploadId)) return `${this.#folder}${uploadId}/`
    throw noUpload({ uploadId, key })
  }
}

function invalid(message: string, cause?: unknown): MindtraceError {
  return new MindtraceError('INVALID_INPUT', message, cause === undefined ? {} : { cause })
}
