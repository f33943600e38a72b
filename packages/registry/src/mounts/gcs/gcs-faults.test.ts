import { bytesOf, newToken } from '@mindtrace/core'
import { FaultyHttpProxy } from '@mindtrace/core/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { someBytes, someStream } from '../../testing/index.ts'
import { GcsMount } from './index.ts'

const endpoint = process.env.MINDTRACE_TEST_GCS_ENDPOINT ?? ''
const bucket = `mindtrace-test-${newToken().slice(0, 12)}`
const retry = { firstDelayMs: 1, maxDelayMs: 10, totalMs: 1300, idleMs: 300 }
const down = { code: 'UNAVAILABLE' }

const text = (bytes: string) => new TextEncoder().encode(bytes)
const read = async (mount: GcsMount, key: string) =>
  Buffer.from(await bytesOf((await mount.read(key)).body, 1e9))

afterAll(async () => {
  if (endpoint !== '') await fetch(`${endpoint}/storage/v1/b/${bucket}`, { method: 'DELETE' })
})

/** A mount behind a bad network, one with a good one to the same place, and what is between them. */
async function behindFaults() {
  await using stack = new AsyncDisposableStack()
  const { hostname: host, port } = new URL(endpoint)
  const proxy = stack.use(await FaultyHttpProxy.start({ host, port: Number(port) }))
  const prefix = newToken()
  const direct = stack.use(new GcsMount({ bucket, prefix, endpoint }))
  await direct.write('seed', text('seed'))
  stack.defer(async () => {
    await direct.sweep({ olderThanMs: 0 })
    await direct.deleteMany((await collect(direct.list(''))).map(({ key }) => key))
  })
  const mount = stack.use(new GcsMount({ bucket, prefix, endpoint: proxy.url, retry }))
  const kept = stack.move()
  return { proxy, direct, mount, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

describe.skipIf(endpoint === '')('a GCS mount on a bad network', () => {
  it('goes through storms of 503, 500 and 429 in every call', async () => {
    await using lane = await behindFaults()
    const { mount, proxy } = lane
    const storm = () => {
      for (const status of [503, 500, 429, 408]) proxy.answerNext(1, { status })
    }
    const calls = [
      () => mount.write('a', text('a')),
      () => mount.write('b', text('b'), { ifAbsent: true }),
      () => mount.write('big', someStream(9_000_000)),
      () => read(mount, 'a'),
      () => mount.head('a'),
      () => collect(mount.list('')),
      () => collect(mount.listFolder('')),
      () => mount.copy('a', 'c'),
      async () => mount.completeParts(await mount.beginParts('d'), []).catch(() => {}),
      () => mount.delete('a'),
    ]
    for (const call of calls) {
      storm()
      await call()
      expect(proxy.unanswered).toBe(0)
    }
    expect(await lane.direct.head('a')).toBeUndefined()
    expect((await read(lane.direct, 'big')).byteLength).toBe(9_000_000)
  })

  it('gives up on a storm that does not end, and says so', async () => {
    await using lane = await behindFaults()
    lane.proxy.answerNext(10_000, { status: 503, body: '{"error":{"message":"backend down"}}' })
    const started = performance.now()
    await expect(read(lane.mount, 'seed')).rejects.toMatchObject(down)
    await expect(lane.mount.write('x', text('x'))).rejects.toThrow(/backend down/)
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('waits as long as it is asked to, unless that is too long', async () => {
    await using lane = await behindFaults()
    lane.proxy.answerNext(1, { status: 429, headers: { 'retry-after': '1' } })
    const started = performance.now()
    await lane.mount.head('seed')
    expect(performance.now() - started).toBeGreaterThanOrEqual(999)
    lane.proxy.answerNext(1, { status: 503, headers: { 'retry-after': '3600' } })
    await expect(lane.mount.head('seed')).rejects.toMatchObject(down)
  })

  it.each([
    [401, 'FORBIDDEN'],
    [403, 'FORBIDDEN'],
    [400, 'INVALID_INPUT'],
    [413, 'TOO_LARGE'],
  ])('repeats nothing after %i', async (status, code) => {
    await using lane = await behindFaults()
    lane.proxy.answerNext(1, { status })
    await expect(lane.mount.head('seed')).rejects.toMatchObject({ code })
    lane.proxy.answerNext(1, { status })
    await expect(lane.mount.write('x', text('x'))).rejects.toMatchObject({ code })
    expect(lane.proxy.unanswered).toBe(0)
    const body = '{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}'
    lane.proxy.answerNext(2, { status: 403, body })
    expect(await lane.mount.head('seed')).toBeDefined()
  })

  it('names the bucket and the remedy when it cannot make the bucket', async () => {
    const { hostname: host, port } = new URL(endpoint)
    await using proxy = await FaultyHttpProxy.start({ host, port: Number(port) })
    await using mount = new GcsMount({ bucket: `${bucket}-none`, endpoint: proxy.url, retry })
    const only = ({ method, path }: { method: string; path: string }) =>
      method === 'POST' && path.startsWith('/storage/v1/b?')
    proxy.answerNext(1, { status: 403, only })
    const error = await mount.write('x', text('x')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'NOT_FOUND', details: { bucket: `${bucket}-none` } })
    expect(String(error)).toContain(`gcloud storage buckets create gs://${bucket}-none`)
  })

  it('reads on where the connection broke, whatever it broke by', async () => {
    await using lane = await behindFaults()
    const whole = Buffer.from(someBytes(6_000_000))
    await lane.direct.write('big', whole)
    await lane.proxy.wire.become({ kind: 'truncate', afterBytes: 700_001, times: 5 })
    expect((await read(lane.mount, 'big')).equals(whole)).toBe(true)
    await lane.proxy.wire.become({ kind: 'truncate', afterBytes: 900_001, times: 2 })
    const { body } = await lane.mount.read('big', { range: { start: 1_000_003, end: 5_000_000 } })
    const piece = await bytesOf(body, 1e9)
    expect(whole.subarray(1_000_003, 5_000_000).equals(piece)).toBe(true)
    await lane.proxy.wire.become({ kind: 'truncate', afterBytes: 700, times: 1 })
    expect(String(await read(lane.mount, 'seed'))).toBe('seed')
  })

  it('never takes a short answer for the whole', async () => {
    await using lane = await behindFaults()
    await lane.direct.write('x', text('0123456789'))
    const etag = (await lane.direct.head('x'))?.etag ?? ''
    // A proxy that cut the answer, and adapted its length.
    const headers = { 'x-goog-generation': etag, 'x-goog-stored-content-length': '10' }
    lane.proxy.answerNext(1, { status: 200, headers, body: '0123' })
    expect(String(await read(lane.mount, 'x'))).toBe('0123456789')
    await lane.proxy.wire.become({ kind: 'truncate', afterBytes: 100 })
    await expect(read(lane.mount, 'x')).rejects.toMatchObject(down)
    await expect(collect(lane.mount.list(''))).rejects.toMatchObject(down)
  })

  it('reads an object again whose bytes do not match, and calls it corrupt in the end', async () => {
    await using lane = await behindFaults()
    await lane.direct.write('x', text('right'))
    const facts = { 'x-goog-generation': '1', 'x-goog-hash': 'crc32c=AAAAAA==,md5=AAAA' }
    const headers = { ...facts, 'content-length': 5 }
    lane.proxy.answerNext(1, { status: 200, headers, body: 'wrong' })
    expect(String(await read(lane.mount, 'x'))).toBe('right')
    lane.proxy.answerNext(3, { status: 200, headers, body: 'wrong' })
    await expect(read(lane.mount, 'x')).rejects.toMatchObject({ code: 'CORRUPT' })
    const long = 'x'.repeat(3_000_000)
    const longer = { ...facts, 'content-length': long.length }
    lane.proxy.answerNext(1, { status: 200, headers: longer, body: long })
    await expect(read(lane.mount, 'x')).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('never mixes an object with the one that replaced it', async () => {
    await using lane = await behindFaults()
    await lane.direct.write('x', new Uint8Array(48_000_000).fill(1))
    const { body } = await lane.mount.read('x')
    const reader = body.getReader()
    const first = await reader.read()
    expect(first.value?.[0]).toBe(1)
    await lane.direct.write('x', new Uint8Array(48_000_000).fill(2))
    lane.proxy.wire.cut()
    const rest = async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        expect(new Set(next.value)).toEqual(new Set([1]))
      }
    }
    await expect(rest()).rejects.toMatchObject(down)
  })

  it('knows its own conditional write again when the answer was lost', async () => {
    await using lane = await behindFaults()
    const { mount, proxy, direct } = lane
    const loseNext = () => proxy.wire.become({ kind: 'truncate', afterBytes: 0, times: 1 })
    await loseNext()
    const made = await mount.write('x', text('one'), { ifAbsent: true })
    expect(made.etag).toBe((await direct.head('x'))?.etag)
    await loseNext()
    const replaced = await mount.write('x', text('two'), { ifEtag: made.etag })
    expect(replaced.etag).toBe((await direct.head('x'))?.etag)
    // The same bytes of another writer are another writer's.
    await loseNext()
    const again = mount.write('x', text('two'), { ifAbsent: true })
    await expect(again).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' })
    await loseNext()
    await mount.delete('x')
    expect(await direct.head('x')).toBeUndefined()
  })

  it('does not wait for ever for a store that is silent, nor after an abort', async () => {
    await using lane = await behindFaults()
    await lane.mount.head('seed')
    await lane.proxy.wire.become({ kind: 'black hole' })
    const started = performance.now()
    await expect(lane.mount.head('seed')).rejects.toMatchObject(down)
    expect(performance.now() - started).toBeLessThan(6000)
    const stop = new AbortController()
    const reason = new Error('stop')
    const { signal } = stop
    const writing = lane.mount.write('x', text('x'), { signal })
    setTimeout(() => stop.abort(reason), 20)
    const aborted = performance.now()
    await expect(writing).rejects.toBe(reason)
    expect(performance.now() - aborted).toBeLessThan(300)
    lane.proxy.wire.cut()
    await lane.proxy.wire.become({ kind: 'none' })
    expect(await lane.mount.head('seed')).toBeDefined()
  })

  it('says that nothing answers where no store is', async () => {
    await using mount = new GcsMount({ bucket, endpoint: 'http://127.0.0.1:1', retry })
    await expect(mount.head('x')).rejects.toMatchObject(down)
    await expect(mount.write('x', someStream(9_000_000))).rejects.toMatchObject(down)
  })
})
