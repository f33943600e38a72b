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
  const buffer = data?.buffer
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

/** Data is sent in pieces of this size, however it came: a buffer for each small chunk would be megabytes of air. */
const bufferBytes = 256 * 1024
/** As many as may wait. */
const spareBuffers = waitingBytes / bufferBytes + 1

const encoder = new TextEncoder()
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
  #filling: Uint8Array<ArrayBuffer> | undefined
  #filled = 0
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
    let rest = typeof data === 'string' ? encoder.encode(data) : data
    while (rest.byteLength > 0) {
      this.#filling ??= new Uint8Array(spare.pop() ?? new ArrayBuffer(bufferBytes))
      const piece = rest.subarray(0, bufferBytes - this.#filled)
      this.#filling.set(piece, this.#filled)
      this.#filled += piece.byteLength
      rest = rest.subarray(piece.byteLength)
      if (this.#filled === bufferBytes) this.#sendFilled()
    }
    if (this.#waiting <= waitingBytes) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  /** 64 hex digits; may be asked once. */
  async digestHex(): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure.reason
    this.#sendFilled()
    this.#digest = Promise.withResolvers()
    this.#send({ end: 'digest' })
    return this.#digest.promise
  }

  /** Gives up. Harmless after the digest. */
  cancel(): void {
    if (running.delete(this.#id)) this.#send({ end: 'cancel' })
    if (this.#filling !== undefined && spare.length < spareBuffers) spare.push(this.#filling.buffer)
    this.#filling = undefined
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

  #sendFilled(): void {
    if (this.#filling === undefined) return
    const data = this.#filling.subarray(0, this.#filled)
    this.#filling = undefined
    this.#filled = 0
    this.#waiting += data.byteLength
    this.#send({ data }, [data.buffer])
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
