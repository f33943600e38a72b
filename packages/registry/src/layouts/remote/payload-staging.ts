import {
  type ByteStream,
  type CallOptions,
  checkedStream,
  isMindtraceError,
  lentChunksOf,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type { ObjectMount, StageOptions } from '../../mount.ts'
import type { MountFile, StageTarget, TakenBytes } from '../layout.ts'
import type { CommitPlans } from './commit-plans.ts'
import { removeKeys } from './payload-files.ts'
import { payloadFolder } from './payload-keys.ts'

/** Streams that end before this many bytes wait in memory for the rest of their group. */
const holdBytes = 1024 * 1024
/** For payloads that clients send at their own speed. */
const planLifeMs = 24 * 60 * 60 * 1000
/** What a store answers when it does not copy, or not for us. */
const copyRefusals = ['FORBIDDEN', 'NOT_FOUND', 'NOT_IMPLEMENTED', 'INVALID_INPUT', 'TOO_LARGE']

/**
 * How files get into the store before a document names them: small ones wait in memory, larger ones go to
 * the folder where they will probably stay, under a plan of a day's life.
 */
export class PayloadStaging {
  readonly #mount: ObjectMount
  readonly #plans: CommitPlans

  constructor(mount: ObjectMount, plans: CommitPlans) {
    this.#mount = mount
    this.#plans = plans
  }

  async stage(
    target: StageTarget,
    body: Uint8Array | ByteStream,
    options: StageOptions,
  ): Promise<HeldBytes | UploadedBytes> {
    options.signal?.throwIfAborted()
    if (body instanceof Uint8Array) {
      await options.onChunk?.(body)
      return new HeldBytes(body, options.sha256 ?? sha256Hex(body))
    }
    const { start, rest } = await beginningOf(body, options)
    if (rest === undefined) {
      await options.onChunk?.(start)
      return new HeldBytes(start, sha256Hex(start))
    }
    const upload = await this.#begin(target, options).catch(async (error: unknown) => {
      await rest.cancel(error).catch(() => {})
      throw error
    })
    return await endingIn(upload, () =>
      this.#mount.write(upload.key, tapped(start, rest, options), { signal: options.signal }),
    )
  }

  // Copied before it is hashed: whoever put the bytes there may write them again.
  async adopt(target: StageTarget, key: string, options: StageOptions): Promise<UploadedBytes> {
    const upload = await this.#begin(target, options)
    return await endingIn(upload, async () => {
      await this.#mount.copy(key, upload.key, { signal: options.signal })
      return await this.#hashed(upload.key, options)
    })
  }

  /** Undefined where the store can't copy from there, or may not: the bytes have to be sent. */
  async bring(
    target: StageTarget,
    file: MountFile,
    options: StageOptions,
  ): Promise<UploadedBytes | undefined> {
    const { place } = file.mount
    if (place.service !== this.#mount.place.service) return undefined
    const upload = await this.#begin(target, options)
    try {
      return await endingIn(upload, async () => {
        const { signal, onChunk } = options
        const { sizeBytes } = await this.#mount.copy(file.key, upload.key, { place, signal })
        if (onChunk !== undefined) return await this.#hashed(upload.key, options)
        return { sizeBytes, sha256: undefined }
      })
    } catch (error) {
      if (isMindtraceError(error) && copyRefusals.includes(error.code)) return undefined
      throw error
    }
  }

  async #hashed(key: string, options: StageOptions) {
    const hash = new RunningHash()
    const { body } = await this.#mount.read(key, { signal: options.signal })
    for await (const chunk of lentChunksOf(body, options)) {
      hash.update(chunk)
      await options.onChunk?.(chunk)
    }
    return { sizeBytes: hash.sizeBytes, sha256: hash.digestHex() }
  }

  async #begin(target: StageTarget, { signal }: CallOptions): Promise<Upload> {
    const uuid = target.token
    const plan = await this.#plans.write([{ id: target, uuid }], { signal, lifeMs: planLifeMs })
    const key = payloadFolder(target, uuid) + target.path
    const end = async (isKept: boolean) => {
      if (isKept || (await removeKeys(this.#mount, [key]))) await this.#plans.forget(plan)
    }
    return { key, uuid, end }
  }
}

/** Bytes that wait in memory until their object is saved. */
export class HeldBytes implements TakenBytes {
  readonly bytes: Uint8Array
  readonly sizeBytes: number
  readonly sha256: string

  constructor(bytes: Uint8Array, sha256: string) {
    this.bytes = bytes
    this.sizeBytes = bytes.byteLength
    this.sha256 = sha256
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A file on its way into the store. `end` removes its plan, and its bytes unless they are kept. */
interface Upload {
  readonly key: string
  readonly uuid: string
  readonly end: (isKept: boolean) => Promise<void>
}

type Counted = Pick<TakenBytes, 'sizeBytes' | 'sha256'>

/** A file that the store has, in a folder of its own that no document names yet. */
export class UploadedBytes implements TakenBytes {
  readonly key: string
  readonly uuid: string
  readonly sizeBytes: number
  readonly sha256: string | undefined
  readonly #end: (isKept: boolean) => Promise<void>
  #fate: 'drop' | 'keep' | 'leave' = 'drop'

  constructor(upload: Upload, counted: Counted) {
    this.key = upload.key
    this.uuid = upload.uuid
    this.sizeBytes = counted.sizeBytes
    this.sha256 = counted.sha256
    this.#end = upload.end
  }

  /** A document names it now. */
  keep(): void {
    this.#fate = 'keep'
  }

  /** Nobody knows whether a document names it. */
  leave(): void {
    this.#fate = 'leave'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#fate !== 'leave') await this.#end(this.#fate === 'keep')
  }
}

async function endingIn(upload: Upload, work: () => Promise<Counted>): Promise<UploadedBytes> {
  try {
    return new UploadedBytes(upload, await work())
  } catch (error) {
    await upload.end(false)
    throw error
  }
}

/** The first bytes of a stream, and the stream of those after them if there are any. */
async function beginningOf(
  body: ByteStream,
  options: CallOptions,
): Promise<{ readonly start: Uint8Array; readonly rest: ByteStream | undefined }> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    while (length <= holdBytes) {
      options.signal?.throwIfAborted()
      const { done, value } = await reader.read()
      if (done) return { start: Buffer.concat(chunks, length), rest: undefined }
      chunks.push(value)
      length += value.byteLength
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    throw error
  }
  reader.releaseLock()
  return { start: Buffer.concat(chunks, length), rest: body }
}

/** Both parts as one stream that shows each chunk to the caller. */
function tapped(start: Uint8Array, rest: ByteStream, options: StageOptions): ByteStream {
  const update = (chunk: Uint8Array) => options.onChunk?.(chunk)
  return checkedStream(rest, { update, fault: () => undefined }, { beginning: start })
}
