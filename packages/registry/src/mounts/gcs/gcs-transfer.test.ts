import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { describe, expect, it } from 'vitest'
import { someBytes, someStream } from '../../testing/index.ts'
import { GcsMount } from './index.ts'

const mebibyte = 1024 * 1024
const retry = { firstDelayMs: 1, maxDelayMs: 10, totalMs: 2000, idleMs: 1000 }
const down = { code: 'UNAVAILABLE' }

/** What happens to the chunk of that number, counted from 1 and with every try. */
type ChunkFault =
  /** The connection is reset after so many bytes of it were kept. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  | { readonly kind: 'answer'; readonly status: number }
  /** It is kept, and the answer is lost. */
  | { readonly kind: 'lost answer' }
  /** The store has forgotten the upload. With `done` it has made the object before. */
  | { readonly kind: 'forgotten'; readonly done?: boolean }
  | { readonly kind: 'lost bytes' }

/**
 * A store that takes one resumable upload and keeps a hash of it, by the protocol's own words, with the
 * questions for its state that fake-gcs-server answers by finishing the upload. It keeps no bytes.
 *
 * @see https://cloud.google.com/storage/docs/performing-resumable-uploads
 */
class UploadStore implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    const { socket } = request // a request that is left has none any more
    this.#handle(request, response).catch(() => socket.resetAndDestroy())
  })
  readonly #hash: Hash = createHash('sha256')
  readonly #md5: Hash = createHash('md5')
  readonly #faults: ReadonlyMap<number, ChunkFault>
  #chunks = 0
  #metadata: unknown
  #isForgotten = false
  sizeBytes = 0
  /** The object, once it is there. */
  object: { sha256: string; size: string; md5Hash: string } | undefined
  /** Whether the upload was dropped. */
  isDropped = false
  md5Header: string | undefined
  /** Gives another MD5 than that of the bytes. */
  isWrong = false

  constructor(faults: readonly (readonly [number, ChunkFault])[] = []) {
    this.#faults = new Map(faults)
  }

  async mount(): Promise<GcsMount> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    return new GcsMount({ bucket: 'bucket', endpoint: `http://127.0.0.1:${port}`, retry })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request
    if (method === 'PUT') return this.#put(request, response)
    if (method === 'DELETE') {
      if (url.startsWith('/session')) this.isDropped = true
      else this.object = undefined
      response.writeHead(url.startsWith('/session') ? 499 : 204).end()
    } else if (method === 'POST') {
      let body = ''
      for await (const chunk of request) body += chunk
      this.#metadata = JSON.parse(body).metadata
      response.writeHead(200, { location: 'http://elsewhere/session?upload_id=1' }).end()
    } else if (this.object === undefined) response.writeHead(404).end()
    else response.end(this.#facts())
  }

  async #put(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, start, end, total] =
      /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(request.headers['content-range'] ?? '') ?? []
    const isQuestion = start === undefined && request.headers['x-goog-hash'] === undefined
    const fault = isQuestion ? undefined : this.#faults.get(++this.#chunks)
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status).end()
      return
    }
    if (start !== undefined && Number(start) !== this.sizeBytes) throw new Error('wrong offset')
    this.md5Header = request.headers['x-goog-hash'] as string | undefined
    await this.#take(request, fault?.kind === 'reset' ? fault.afterBytes : Infinity)
    if (fault?.kind === 'reset') throw new Error('reset')
    if (end !== undefined && this.sizeBytes !== Number(end) + 1) throw new Error('wrong length')
    if (fault?.kind === 'lost bytes') this.sizeBytes = 100
    const isDone = total !== '*' && Number(total) === this.sizeBytes
    if (isDone && fault?.kind !== 'forgotten') this.#finish()
    if (fault?.kind === 'forgotten') {
      if (fault.done === true) this.#finish()
      this.#isForgotten = true
    }
    if (fault?.kind === 'lost answer') throw new Error('lost answer')
    if (this.#isForgotten) response.writeHead(404).end()
    else if (this.object !== undefined) response.end(this.#facts())
    else {
      const range = this.sizeBytes === 0 ? {} : { range: `bytes=0-${this.sizeBytes - 1}` }
      response.writeHead(308, range).end()
    }
  }

  async #take(request: IncomingMessage, limit: number): Promise<void> {
    let left = limit
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const kept = chunk.subarray(0, left)
      this.#hash.update(kept)
      this.#md5.update(kept)
      this.sizeBytes += kept.byteLength
      left -= kept.byteLength
      if (left === 0) return
    }
  }

  #finish(): void {
    if (this.object !== undefined) return
    const md5Hash = this.isWrong ? 'wrong' : this.#md5.digest('base64')
    this.object = { sha256: this.#hash.digest('hex'), size: String(this.sizeBytes), md5Hash }
  }

  #facts(): string {
    const { size, md5Hash } = this.object ?? {}
    const updated = '2026-01-02T03:04:05.678Z'
    const facts = { name: 'x', size, md5Hash, generation: '7', updated, metadata: this.#metadata }
    return JSON.stringify(facts)
  }
}

describe('a large upload to GCS', () => {
  const size = 20 * mebibyte + 321

  it.each<[string, ...(readonly [number, ChunkFault])[]]>([
    ['nothing goes wrong'],
    ['a chunk is cut', [2, { kind: 'reset', afterBytes: 3_000_001 }]],
    [
      'the same chunk is cut again and again',
      [2, { kind: 'reset', afterBytes: 1_000_000 }],
      [3, { kind: 'reset', afterBytes: 1_000_000 }],
      [4, { kind: 'reset', afterBytes: 0 }],
      [5, { kind: 'reset', afterBytes: 1 }],
    ],
    [
      'the store is in trouble',
      [1, { kind: 'answer', status: 503 }],
      [2, { kind: 'answer', status: 429 }],
      [4, { kind: 'answer', status: 500 }],
    ],
    ['the answer to a chunk is lost', [1, { kind: 'lost answer' }]],
    ['the last answer is lost', [3, { kind: 'lost answer' }]],
    ['the store forgets an upload that is done', [3, { kind: 'forgotten', done: true }]],
  ])('arrives whole when %s', async (_, ...faults) => {
    await using store = new UploadStore(faults)
    await using mount = await store.mount()
    const written = await mount.write('x', someStream(size, 1_000_003), { ifAbsent: true })
    expect(written).toMatchObject({ sizeBytes: size, sha256: store.object?.sha256, etag: '7' })
    const whole = await bytesOf(someStream(size, 1_000_003), 1e9)
    expect(written.sha256).toBe(sha256Hex(whole))
    expect(store.isDropped).toBe(false)
  })

  it('sends the checksum with the last chunk, also when that is empty', async () => {
    for (const bytes of [16 * mebibyte, 16 * mebibyte + 1]) {
      await using store = new UploadStore()
      await using mount = await store.mount()
      await mount.write('x', someStream(bytes, mebibyte))
      expect(store.md5Header).toBe(`md5=${store.object?.md5Hash}`)
    }
  })

  it.each<[string, string, ChunkFault]>([
    ['the store forgets it', 'UNAVAILABLE', { kind: 'forgotten' }],
    ['the store loses bytes', 'UNAVAILABLE', { kind: 'lost bytes' }],
    ['it is refused', 'FORBIDDEN', { kind: 'answer', status: 403 }],
    ['the condition is not met', 'PRECONDITION_FAILED', { kind: 'answer', status: 412 }],
  ])('fails when %s, and ends its source', async (_, code, fault) => {
    await using store = new UploadStore([[2, fault]])
    await using mount = await store.mount()
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(someBytes(100_000)),
      cancel: () => {
        isCancelled = true
      },
    })
    await expect(mount.write('x', body, { ifAbsent: true })).rejects.toMatchObject({ code })
    expect(isCancelled).toBe(true)
    expect(store.object).toBeUndefined()
  })

  it.each([
    ['fails from the second chunk on', 2, 503],
    ['takes no byte and names no error', 1, 308],
  ])('gives up on a store that %s', async (_, first, status) => {
    const faults = Array.from(
      { length: 5000 },
      (__, at) => [at + first, { kind: 'answer', status }] as const,
    )
    await using store = new UploadStore(faults)
    await using mount = await store.mount()
    await expect(mount.write('x', someStream(size))).rejects.toMatchObject(down)
    expect(store).toMatchObject({ isDropped: true, object: undefined })
  })

  it('is dropped when its source fails, and when it is aborted', async () => {
    for (const how of ['fails', 'aborted'] as const) {
      await using store = new UploadStore()
      await using mount = await store.mount()
      const failure = new Error(how)
      const stop = new AbortController()
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (store.sizeBytes >= 8 * mebibyte) {
            if (how === 'fails') throw failure
            stop.abort(failure)
          }
          controller.enqueue(someBytes(100_000))
        },
      })
      await expect(mount.write('x', body, { signal: stop.signal })).rejects.toBe(failure)
      expect(store).toMatchObject({ isDropped: true, object: undefined })
    }
  })

  it('that arrives damaged is removed', async () => {
    await using store = new UploadStore()
    store.isWrong = true
    await using mount = await store.mount()
    await expect(mount.write('x', someStream(size))).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(store.object).toBeUndefined()
  })
})

describe('gigabytes to and from GCS', () => {
  const gibibyte = 1024 * mebibyte
  const limit = 50 * mebibyte
  // Every read of a socket is a new buffer of 64 KiB, and V8 collects when there are some 64 MiB of them.
  const readLimit = 128 * mebibyte

  it('go up in constant memory', async () => {
    await using store = new UploadStore()
    await using mount = await store.mount()
    await mount.write('warm up', someStream(20 * mebibyte))
    await using again = new UploadStore()
    await using other = await again.mount()
    const { result, growth } = await watched(() => other.write('x', someStream(gibibyte, mebibyte)))
    expect(result.sizeBytes).toBe(gibibyte)
    expect(growth).toBeLessThan(limit)
  }, 120_000)

  it('come down in constant memory, no faster than they are read', async () => {
    await using store = await source(gibibyte)
    await using mount = new GcsMount({ bucket: 'bucket', endpoint: store.url, retry })
    const { body, sizeBytes } = await mount.read('x')
    expect(sizeBytes).toBe(gibibyte)
    const reader = body.getReader()
    await reader.read()
    await sleep(200)
    expect(store.sentBytes()).toBeLessThan(32 * mebibyte)
    const { result, growth } = await watched(async () => {
      let seen = 0
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        seen += next.value.byteLength
      }
      return seen
    })
    expect(result).toBeGreaterThan(gibibyte - mebibyte)
    expect(growth).toBeLessThan(readLimit)
  }, 120_000)
})

/** A store with one object, made as it is sent. */
async function source(sizeBytes: number) {
  let sent = 0
  const chunk = Buffer.from(someBytes(256 * 1024))
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': sizeBytes, 'x-goog-generation': '1' })
    const send = () => {
      while (sent < sizeBytes) {
        sent += chunk.byteLength
        if (!response.write(chunk)) {
          response.once('drain', send)
          return
        }
      }
      response.end()
    }
    send()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sentBytes: () => sent,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The most that this process grew by during the call, with the store in it. */
async function watched<T>(call: () => Promise<T>): Promise<{ result: T; growth: number }> {
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
  try {
    const result = await call()
    return { result, growth: peak - before }
  } finally {
    clearInterval(watch)
  }
}
