import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type $Command,
  S3Client,
  type S3ClientConfig,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { abortable, type CallOptions, MindtraceError } from '@mindtrace/core'
import type { StorePlace } from '../../mount.ts'
import { checkKey } from '../../mount-key.ts'
import { checkSignedTime } from '../mount-errors.ts'
import { readingInPlace } from '../reading-agent.ts'
import { attemptsOf, s3Code, s3Error } from './s3-errors.ts'

/** Where the bytes of a mount lie, and how the store is reached. */
export interface S3Place {
  readonly bucket: string
  /** Before every key, without slashes around. Default: none. */
  readonly prefix?: string | undefined
  /** `http://127.0.0.1:9000`: a store that is not Amazon's. Buckets are in the path then. */
  readonly endpoint?: string | undefined
  /** Default `us-east-1` with an endpoint, otherwise what the SDK finds (`AWS_REGION`, profile). */
  readonly region?: string | undefined
  /** The address of the store in signed URLs, when clients are in another network. Default: the endpoint. */
  readonly presignEndpoint?: string | undefined
  /** Default: the SDK's chain (variables, profile, role). */
  readonly credentials?: S3ClientConfig['credentials']
  /** After so long without a byte a connection counts as broken. Default 60 seconds. */
  readonly idleTimeoutMs?: number | undefined
  /** How often a request is sent before it has failed. Default 5. */
  readonly maxAttempts?: number | undefined
}

/** What a request is about, for messages, and how it is ended. */
export interface SendOptions extends CallOptions {
  /** As in `cannot read`. */
  readonly action: string
  /** The key of the mount. Default: the bucket. */
  readonly key?: string | undefined
  /** How often this request was sent before. */
  readonly attemptsBefore?: number | undefined
}

/** A command for the store. */
export type S3Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>

const connectTimeoutMs = 10_000
const maxSockets = 128
const maxKeyBytes = 1024
const repeats = 8

/** What the store takes back if the same request is sent once more. */
const passing = new Set([
  'ConditionalRequestConflict',
  'OperationAborted',
  'BadDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
])

/** Requests to one bucket, with errors as ours. */
export class S3Connection {
  readonly bucket: string
  readonly prefix: string
  readonly location: string
  readonly isAmazon: boolean
  readonly place: StorePlace
  readonly #client: S3Client
  readonly #signer: S3Client
  readonly #host: string
  #isOpen = true

  constructor(place: S3Place) {
    const prefix = (place.prefix ?? '').replace(/^\/+|\/+$/g, '')
    if (prefix !== '') checkKey(prefix)
    this.bucket = place.bucket
    this.prefix = prefix === '' ? '' : `${prefix}/`
    this.location = `s3://${place.bucket}${prefix === '' ? '' : `/${prefix}`}`
    this.isAmazon = place.endpoint === undefined
    this.place = { service: serviceOf(place), bucket: place.bucket, prefix: this.prefix }
    this.#host = place.endpoint ?? 'Amazon S3'
    this.#client = new S3Client(configOf(place, place.endpoint))
    this.#signer =
      place.presignEndpoint === undefined
        ? this.#client
        : new S3Client(configOf(place, place.presignEndpoint))
  }

  /** The key in the bucket, of this mount or of another place of the service. */
  keyOf(key: string, place: StorePlace = this.place): string {
    checkKey(key)
    if (place.service !== this.place.service) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `'${place.service}' is another service than that of '${this.location}'`,
      )
    }
    const whole = place.prefix + key
    if (whole.length * 3 > maxKeyBytes && Buffer.byteLength(whole) > maxKeyBytes) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `key '${key.slice(0, 80)}…' is ${Buffer.byteLength(whole)} bytes long with the prefix of '${this.location}'; the limit is ${maxKeyBytes}`,
      )
    }
    return whole
  }

  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: S3Command<I, O>,
    { action, key, signal, attemptsBefore }: SendOptions,
  ): Promise<O> {
    if (!this.#isOpen) throw new MindtraceError('UNAVAILABLE', `'${this.location}' is closed`)
    signal?.throwIfAborted()
    try {
      const sending = this.#client.send(
        command,
        signal === undefined ? {} : { abortSignal: signal },
      )
      return await abortable(sending, signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw await this.#ours(error, { action, key, attemptsBefore })
    }
  }

  /**
   * Sends what can be sent again as often as the store asks for it. A conflict of two requests (409) says
   * nothing about who is first, so it is no answer.
   */
  async sendUntilTaken<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    makeCommand: () => S3Command<I, O>,
    options: SendOptions,
  ): Promise<O> {
    let attemptsBefore = 0
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.send(makeCommand(), { ...options, attemptsBefore })
      } catch (error) {
        if (attempt === repeats || !passing.has(s3Code(error) ?? '')) throw error
        attemptsBefore = attemptsOf(error)
      }
      await pause(attempt, options.signal)
    }
  }

  /** A URL by which a client sends the command itself, with the headers that `signed` names. */
  async sign<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: S3Command<I, O>,
    options: SendOptions & {
      readonly expiresInMs: number
      readonly signed?: readonly string[] | undefined
    },
  ): Promise<string> {
    const { action, key, signal, expiresInMs, signed } = options
    checkSignedTime(expiresInMs)
    signal?.throwIfAborted()
    try {
      const signing = getSignedUrl(this.#signer, command, {
        expiresIn: Math.ceil(expiresInMs / 1000),
        ...(signed === undefined ? {} : { signableHeaders: new Set(signed) }),
      })
      return await abortable(signing, signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw await this.#ours(error, { action, key })
    }
  }

  async #ours(error: unknown, { action, key, attemptsBefore = 0 }: SendOptions): Promise<unknown> {
    return s3Error(error, {
      action,
      subject: key ?? this.location,
      bucket: this.bucket,
      region: await this.#client.config.region().catch(() => 'unknown'),
      host: this.#host,
      attemptsBefore,
    })
  }

  close(): void {
    this.#isOpen = false
    this.#client.destroy()
    this.#signer.destroy()
  }
}

/** Waits longer from attempt to attempt, and never as long as another waits. */
export async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = Math.min(25 * 2 ** attempt, 2000) * (0.5 + Math.random())
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {})
  signal?.throwIfAborted()
}

// Buckets have one name in all regions of a partition of Amazon's.
function serviceOf({ endpoint, region = '' }: S3Place): string {
  if (endpoint !== undefined) return endpoint.replace(/\/+$/, '')
  const partition = /^(?:cn|us-gov|us-iso[a-z]*)(?=-)/.exec(region)?.[0]
  return partition === undefined ? 'amazon s3' : `amazon s3 ${partition}`
}

function configOf(place: S3Place, endpoint: string | undefined): S3ClientConfig {
  const region = place.region ?? (place.endpoint === undefined ? undefined : 'us-east-1')
  return {
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...(place.credentials === undefined ? {} : { credentials: place.credentials }),
    retryMode: 'standard',
    maxAttempts: place.maxAttempts ?? 5,
    // Older stores and clients of signed URLs know no checksum headers. What is sent is signed with its SHA-256.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the SDK opens a connection for each larger body.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: place.idleTimeoutMs ?? 60_000,
      httpAgent: readingInPlace(new HttpAgent({ keepAlive: true, maxSockets })),
      httpsAgent: readingInPlace(new HttpsAgent({ keepAlive: true, maxSockets })),
      logger: silent,
    },
  }
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
