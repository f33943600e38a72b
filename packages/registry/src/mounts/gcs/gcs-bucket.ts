import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { GcsAnswer, GcsClient } from './gcs-client.ts'
import type { GcsCredentials } from './gcs-credentials.ts'
import { GcsOutage, gcsError, isRefusal, noBucket } from './gcs-errors.ts'

/** An object's facts, as the JSON API tells them. @see https://cloud.google.com/storage/docs/json_api/v1/objects */
export interface GcsObject {
  readonly name: string
  /** A decimal number in text, as are all 64-bit numbers of this API. */
  readonly size: string
  readonly generation: string
  readonly updated: string
  readonly contentType?: string | undefined
  /** Base64. Composed objects have none. */
  readonly md5Hash?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** What is to be made of an object beside its bytes. */
export interface GcsNewObject {
  readonly name: string
  readonly contentType?: string | undefined
  /** Only when this is the generation under the name; `0`: nothing is. */
  readonly ifGeneration?: string | undefined
  /** Kept in the object, so that its writer knows it again. See {@link GcsBucket.isOurs}. */
  readonly token?: string | undefined
}

/** A page of a list. */
export interface GcsPage {
  readonly items?: readonly GcsObject[] | undefined
  readonly prefixes?: readonly string[] | undefined
  readonly nextPageToken?: string | undefined
}

/** The most sources that one compose request takes. @see https://cloud.google.com/storage/quotas */
export const maxComposed = 32

const tokenName = 'mindtrace-write'
const objectFields = 'name,size,generation,updated,contentType,md5Hash,metadata'
const pageFields = 'nextPageToken,prefixes,items(name,size,generation,updated)'

/** One bucket through the JSON API: requests and answers, by the full names of objects. */
export class GcsBucket {
  readonly name: string
  readonly client: GcsClient
  readonly #credentials: GcsCredentials
  readonly #location: string

  constructor(
    name: string,
    client: GcsClient,
    credentials: GcsCredentials,
    options: { readonly location: string },
  ) {
    this.name = name
    this.client = client
    this.#credentials = credentials
    this.#location = options.location
  }

  /** Whether the bucket is there. */
  async isThere({ signal }: CallOptions = {}): Promise<boolean> {
    try {
      const path = `/storage/v1/b/${encoded(this.name)}?${query({ fields: 'name' })}`
      await this.client.json({ method: 'GET', path, signal })
      return true
    } catch (error) {
      if (isRefusal(error, 404)) return false
      throw this.error(error, 'look up', '')
    }
  }

  /** Undefined when there is no such object, or no such bucket. */
  async stat(name: string, options: CallOptions = {}): Promise<GcsObject | undefined> {
    try {
      const path = `${this.#object(name)}?${query({ fields: objectFields })}`
      return await this.client.json<GcsObject>({ method: 'GET', path, ...options })
    } catch (error) {
      if (isRefusal(error, 404)) return undefined
      throw this.error(error, 'look up', name)
    }
  }

  /** The stored bytes as they are, also when they are marked as compressed. `range` is that of RFC 9110. */
  async media(
    name: string,
    options: CallOptions & {
      readonly generation?: string | undefined
      readonly range?: string | undefined
    },
  ): Promise<GcsAnswer> {
    const { generation, range, signal } = options
    return this.client.open({
      method: 'GET',
      path: `${this.#object(name)}?${query({ alt: 'media', generation })}`,
      headers: { 'accept-encoding': 'gzip', ...(range === undefined ? {} : { range }) },
      accept: [416],
      signal,
    })
  }

  /** The JSON that is stored under a name. */
  async document<T>(name: string, options: CallOptions = {}): Promise<T> {
    return this.client.json<T>({
      method: 'GET',
      path: `${this.#object(name)}?${query({ alt: 'media' })}`,
      ...options,
    })
  }

  /** Stores a small object in one request, which the store checks against its MD5. */
  async insert(
    object: GcsNewObject & { readonly bytes: Uint8Array; readonly md5: string },
    options: CallOptions = {},
  ): Promise<GcsObject> {
    const boundary = `mindtrace-${crypto.randomUUID()}`
    const facts = JSON.stringify({ ...this.#facts(object), md5Hash: object.md5 })
    const type = object.contentType ?? 'application/octet-stream'
    const body = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${facts}\r\n`,
      ),
      Buffer.from(`--${boundary}\r\ncontent-type: ${type}\r\n\r\n`),
      object.bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ])
    return this.#creating(options, async () =>
      this.client.json<GcsObject>({
        method: 'POST',
        path: this.#uploadPath(object, 'multipart'),
        headers: { 'content-type': `multipart/related; boundary=${boundary}` },
        body,
        ...options,
      }),
    )
  }

  /** Begins a resumable upload; gives the path that takes its chunks. */
  async beginResumable(object: GcsNewObject, options: CallOptions = {}): Promise<string> {
    return this.#creating(options, async () => {
      const { header } = await this.client.document({
        method: 'POST',
        path: this.#uploadPath(object, 'resumable'),
        headers: { 'content-type': 'application/json; charset=UTF-8' },
        body: JSON.stringify(this.#facts(object)),
        ...options,
      })
      const location = header('location')
      if (location === undefined) throw new GcsOutage('it began no upload')
      // The way to the store is ours to know: behind a proxy it takes itself to be elsewhere.
      const { pathname, search } = new URL(location, 'http://store')
      return pathname + search
    })
  }

  /** Copies an object, of any size, from this bucket or another one. */
  async rewrite(
    source: string,
    target: string,
    options: CallOptions & {
      readonly bucket: string
      readonly contentType?: string | undefined
    },
  ): Promise<GcsObject> {
    const { bucket, contentType, signal } = options
    const path = `${this.#object(source, bucket)}/rewriteTo${this.#object(target).slice('/storage/v1'.length)}`
    const body = contentType === undefined ? undefined : JSON.stringify({ contentType })
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    let rewriteToken: string | undefined
    try {
      for (;;) {
        const answer: { done: boolean; rewriteToken?: string; resource: GcsObject } =
          await this.client.json({
            method: 'POST',
            path: `${path}?${query({ rewriteToken })}`,
            headers,
            body,
            signal,
          })
        if (answer.done) return answer.resource
        rewriteToken = answer.rewriteToken
      }
    } catch (error) {
      throw gcsError(error, 'copy', `gs://${bucket}/${source}`)
    }
  }

  /** Makes an object of others, at most {@link maxComposed}, each in the generation that is given. */
  async compose(
    object: GcsNewObject & { readonly sources: readonly Pick<GcsObject, 'name' | 'generation'>[] },
    options: CallOptions = {},
  ): Promise<GcsObject> {
    const sourceObjects = object.sources.map(({ name, generation }) => ({
      name,
      generation,
      objectPreconditions: { ifGenerationMatch: generation },
    }))
    return this.client.json<GcsObject>({
      method: 'POST',
      path: `${this.#object(object.name)}/compose?${query({ ifGenerationMatch: object.ifGeneration })}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sourceObjects, destination: this.#facts(object) }),
      ...options,
    })
  }

  /** Removes an object, if it is there. */
  async remove(
    name: string,
    options: CallOptions & { readonly generation?: string | undefined } = {},
  ): Promise<void> {
    const { generation: ifGenerationMatch, signal } = options
    const path = `${this.#object(name)}?${query({ ifGenerationMatch })}`
    try {
      await this.client.json({ method: 'DELETE', path, signal })
    } catch (error) {
      if (isRefusal(error, 404)) return
      if (ifGenerationMatch !== undefined && isRefusal(error, 412)) return
      throw this.error(error, 'delete', name)
    }
  }

  /** One page of names. @throws `NOT_FOUND` when there is no such bucket. */
  async page(
    request: CallOptions & {
      readonly prefix: string
      readonly delimiter?: '/' | undefined
      readonly pageToken?: string | undefined
    },
  ): Promise<GcsPage> {
    const { signal, ...asked } = request
    const path = `/storage/v1/b/${encoded(this.name)}/o?${query({ ...asked, maxResults: '1000', fields: pageFields })}`
    try {
      return await this.client.json<GcsPage>({ method: 'GET', path, signal })
    } catch (error) {
      if (isRefusal(error, 404)) throw noBucket(this.name, error)
      throw this.error(error, 'list', request.prefix)
    }
  }

  /**
   * Whether the object of that name was written with this token. A condition that was not met may have
   * been spoilt by the very request: its answer was lost, and it was repeated, by us or on the way.
   */
  async ours(object: GcsNewObject, options: CallOptions = {}): Promise<GcsObject | undefined> {
    if (object.token === undefined) return undefined
    const found = await this.stat(object.name, options)
    return isWrittenWith(object.token, found) ? found : undefined
  }

  /** What a request about an object threw, as ours. */
  error(error: unknown, action: string, name: string): unknown {
    return gcsError(error, action, `gs://${this.name}/${name}`)
  }

  // A missing bucket is made by the first write that meets it, in the way of the reference.
  async #creating<T>(options: CallOptions, insert: () => Promise<T>): Promise<T> {
    try {
      return await insert()
    } catch (error) {
      if (!isRefusal(error, 404)) throw error
      await this.#create(options)
      return await insert()
    }
  }

  async #create(options: CallOptions): Promise<void> {
    const remedy = `create it: gcloud storage buckets create gs://${this.name}`
    try {
      const project = await this.#credentials.project()
      await this.client.json({
        method: 'POST',
        path: `/storage/v1/b?${query({ project })}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          name: this.name,
          location: this.#location,
          storageClass: 'STANDARD',
          iamConfiguration: {
            publicAccessPrevention: 'enforced',
            uniformBucketLevelAccess: { enabled: true },
          },
        }),
        ...options,
      })
    } catch (error) {
      if (isRefusal(error, 409)) return // another writer was first
      const cause = gcsError(error, 'create', `gs://${this.name}`)
      if (!isMindtraceError(cause) || cause.code === 'UNAVAILABLE') throw cause
      const text = `bucket '${this.name}' does not exist and cannot be created; ${remedy}`
      throw new MindtraceError('NOT_FOUND', text, { cause, details: { bucket: this.name } })
    }
  }

  #facts({ name, contentType, token }: GcsNewObject) {
    const metadata = token === undefined ? undefined : { [tokenName]: token }
    return { name, contentType, metadata }
  }

  #object(name: string, bucket = this.name): string {
    return `/storage/v1/b/${encoded(bucket)}/o/${encoded(name)}`
  }

  #uploadPath({ name, ifGeneration }: GcsNewObject, uploadType: string): string {
    const asked = { uploadType, name, ifGenerationMatch: ifGeneration, fields: objectFields }
    return `/upload/storage/v1/b/${encoded(this.name)}/o?${query(asked)}`
  }
}

/** Whether an object is there and carries this token. */
export function isWrittenWith(token: string, object: GcsObject | undefined): boolean {
  return object?.metadata?.[tokenName] === token
}

function query(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encoded(value)}`]))
    .join('&')
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
