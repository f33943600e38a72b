import { Worker } from 'node:worker_threads'

const script = `
const { createHash } = require('node:crypto')
const { parentPort } = require('node:worker_threads')
const hashes = new Map()
parentPort.on('message', ({ id, data, end }) => {
  const hash = hashes.get(id) ?? createHash('sha256')
  hashes.set(id, hash)
  if (data !== undefined) hash.update(data)
  if (end !== undefined) hashes.delete(id)
  const digest = end === 'digest' ? hash.digest('hex') : undefined
  const taken = data === undefined ? 0 : data.length
  // The memory goes back to be used again: this thread would seldom collect it.
  const buffer = typeof data === 'object' ? data.buffer : undefined
  parentPort.postMessage({ id, taken, digest, buffer }, buffer === undefined ? [] : [buffer])
})
`

/** Bytes of one hash that may wait for the thread. */
const waitingBytes = 4 * 1024 * 1024

interface Answer {
  readonly id: number
  readonly taken: number
  readonly digest: string | undefined
  readonly buffer: ArrayBuffer | undefined
}

/** Of this size; larger data is cut. */
const bufferBytes = 1024 * 1024
const spareBuffers = 8

const spare: ArrayBuffer[] = []
let worker: Worker | undefined
let nextId = 0
const running = new Map<number, ThreadHash>()

/**
 * A SHA-256 that is computed beside this thread: a stream that needs two is not half as fast. One thread
 * serves the process; it is started by the first hash and does not keep the process alive.
 */
export class ThreadHash {
  readonly #id = nextId++
  #waiting = 0
  #drained: PromiseWithResolvers<void> | undefined
  #digest: PromiseWithResolvers<string> | undefined
  #failure: { readonly reason: unknown } | undefined

  constructor() {
    running.set(this.#id, this)
    started().ref()
  }

  /** Takes data over, which is copied; the promise ends when more may come. */
  update(data: Uint8Array | string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason)
    this.#waiting += data.length
    if (typeof data === 'string') this.#send({ data })
    else {
      for (let start = 0; start < data.length; start += bufferBytes) {
        const piece = data.subarray(start, start + bufferBytes)
        const copy = new Uint8Array(spare.pop() ?? new ArrayBuffer(bufferBytes), 0, piece.length)
        copy.set(piece)
        this.#send({ data: copy }, [copy.buffer])
      }
    }
    if (this.#waiting <= waitingBytes) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  /** 64 hex digits; may be asked once. */
  async digestHex(): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure.reason
    this.#digest = Promise.withResolvers()
    this.#send({ end: 'digest' })
    return this.#digest.promise
  }

  /** Gives up. Harmless after the digest. */
  cancel(): void {
    if (running.delete(this.#id)) this.#send({ end: 'cancel' })
    releaseIfIdle()
  }

  /** @internal */
  taken({ taken, digest }: Answer): void {
    this.#waiting -= taken
    if (this.#waiting <= waitingBytes) {
      this.#drained?.resolve()
      this.#drained = undefined
    }
    if (digest === undefined) return
    running.delete(this.#id)
    releaseIfIdle()
    this.#digest?.resolve(digest)
  }

  /** @internal */
  failed(reason: unknown): void {
    this.#failure = { reason }
    this.#drained?.reject(reason)
    this.#digest?.reject(reason)
  }

  #send(message: object, transfer: ArrayBuffer[] = []): void {
    worker?.postMessage({ id: this.#id, ...message }, transfer)
  }
}

function releaseIfIdle(): void {
  if (running.size === 0) worker?.unref()
}

function started(): Worker {
  if (worker !== undefined) return worker
  const thread = new Worker(script, { eval: true, execArgv: [] })
  const end = (reason: unknown) => {
    if (worker === thread) worker = undefined
    for (const hash of running.values()) hash.failed(reason)
    running.clear()
  }
  thread.on('message', (answer: Answer) => {
    if (answer.buffer !== undefined && spare.length < spareBuffers) spare.push(answer.buffer)
    running.get(answer.id)?.taken(answer)
  })
  thread.on('error', end)
  thread.on('exit', () => end(new Error('the hashing thread has ended')))
  worker = thread
  return thread
}
