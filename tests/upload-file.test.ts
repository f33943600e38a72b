import { randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectLake, type UploadOptions, uploadFile } from '@mindtrace/client'
import type { Lake, UploadTicket } from '@mindtrace/contract'
import { bytesOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { createApp, startService } from '@mindtrace/service'
import { describe, expect, test } from 'vitest'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''
const mebibyte = 1024 * 1024
const partBytes = 5 * mebibyte

/** A lake with a local mount, one in memory and, where there is a store, one in a bucket, and a file. */
async function aLake(sizeBytes: number) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const bucket = `s3://file-${randomUUID()}/lake?endpoint=${encodeURIComponent(endpoint)}`
  const lake = stack.use(
    await openLake(join(folder.path, 'lake'), {
      mounts: {
        main: `file:${join(folder.path, 'main')}`,
        memory: 'memory:',
        ...(endpoint === '' ? {} : { bucket }),
      },
    }),
  )
  if (endpoint !== '') {
    // A mount makes its bucket with its first write.
    await lake.objects.put({ name: 'first', data_base64: '', mount: 'bucket' })
  }
  const app = createApp({ lake, serverInfo: { serverId: '', pidFile: '', version: '0.0.0' } })
  const service = stack.use(await startService({ app, port: 0, closeTimeoutMs: 100 }))
  const remote = stack.use(connectLake(service.address))
  const bytes = randomBytes(sizeBytes)
  const path = join(folder.path, 'clip.bin')
  await writeFile(path, bytes)
  const kept = stack.move()
  return { lake, remote, bytes, path, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function expectObject(lake: Lake, mount: string, bytes: Uint8Array, name = 'clip.bin') {
  const read = await lake.streams.readObject({ mount, name })
  const stored = await bytesOf(read.body, bytes.byteLength + 1)
  expect(sha256Hex(stored)).toBe(sha256Hex(bytes))
}

describe.each(['main', 'memory'])('to the mount %s', (mount) => {
  test.each([
    ['a file', false],
    ['a Blob', true],
  ])('%s goes through the lake, here and over HTTP', async (_what, isBlob) => {
    await using site = await aLake(3 * mebibyte + 7)
    const { bytes } = site
    const source = isBlob ? new File([bytes], 'clip.bin') : site.path
    for (const lake of [site.lake, site.remote]) {
      const seen: number[] = []
      const uploaded = await uploadFile(lake, source, {
        mount,
        metadata: { a: 1 },
        onProgress: ({ sentBytes }) => seen.push(sentBytes),
      })
      expect(uploaded).toMatchObject({
        storage_ref: { mount, name: 'clip.bin' },
        size_bytes: bytes.byteLength,
        checksum: `sha256:${sha256Hex(bytes)}`,
        method: 'stream',
      })
      expect(seen.at(-1)).toBe(bytes.byteLength)
      await expectObject(lake, mount, bytes)
    }
  })
})

test('a program on the same machine may write to the path itself', async () => {
  await using site = await aLake(2 * mebibyte)
  const uploaded = await uploadFile(site.remote, site.path, { mount: 'main', sharesFiles: true })
  expect(uploaded).toMatchObject({
    method: 'local_path',
    checksum: `sha256:${sha256Hex(site.bytes)}`,
  })
  await expectObject(site.lake, 'main', site.bytes)
})

describe.skipIf(endpoint === '')('to a bucket (set MINDTRACE_TEST_S3_ENDPOINT)', () => {
  const upload = (lake: Lake, source: Blob | string, options: UploadOptions = {}) =>
    uploadFile(lake, source, { mount: 'bucket', partBytes, ...options })

  test.each([0, 1, 1000, partBytes])('%i bytes go in one request', async (sizeBytes) => {
    await using site = await aLake(sizeBytes)
    for (const source of [site.path, new File([site.bytes], 'clip.bin')]) {
      const uploaded = await upload(site.remote, source)
      expect(uploaded).toMatchObject({ method: 'presigned_url', size_bytes: sizeBytes })
      await expectObject(site.lake, 'bucket', site.bytes)
    }
  })

  test('more go in parts, none of them through the lake', async () => {
    await using site = await aLake(4 * partBytes + 3)
    const seen: number[] = []
    let underWay = 0
    let most = 0
    const counting: typeof fetch = async (input, init) => {
      underWay += 1
      most = Math.max(most, underWay)
      const body = init?.body as Uint8Array
      expect(body.byteLength).toBeLessThanOrEqual(partBytes)
      const response = await fetch(input, init)
      underWay -= 1
      return response
    }
    const uploaded = await upload(site.remote, site.path, {
      concurrency: 2,
      fetch: counting,
      onProgress: ({ sentBytes }) => seen.push(sentBytes),
    })
    expect(uploaded).toMatchObject({
      method: 'parts',
      checksum: `sha256:${sha256Hex(site.bytes)}`,
    })
    expect(most).toBe(2)
    expect(seen).toHaveLength(5)
    expect(seen.at(-1)).toBe(site.bytes.byteLength)
    await expectObject(site.lake, 'bucket', site.bytes)
  })

  test('a store in trouble is asked again', async () => {
    await using site = await aLake(2 * partBytes + 3)
    let requests = 0
    const troubled: typeof fetch = async (input, init) => {
      requests += 1
      if (requests % 3 === 1) return new Response('', { status: 503 })
      if (requests % 3 === 2) throw new TypeError('fetch failed')
      return await fetch(input, init)
    }
    await upload(site.remote, site.path, { fetch: troubled, concurrency: 1 })
    expect(requests).toBe(9)
    await expectObject(site.lake, 'bucket', site.bytes)
  })

  test('an interrupted one is taken up by another process, which sends what is missing', async () => {
    await using site = await aLake(4 * partBytes + 3)
    const abort = new AbortController()
    let resume: UploadTicket | undefined
    const interrupted = upload(site.remote, site.path, {
      concurrency: 1,
      signal: abort.signal,
      onBegin: (ticket) => {
        resume = ticket
      },
      onProgress: ({ sentBytes }) => {
        if (sentBytes >= 2 * partBytes) abort.abort(new Error('pulled the plug'))
      },
    })
    await expect(interrupted).rejects.toThrow('pulled the plug')
    let requests = 0
    const counting: typeof fetch = (input, init) => {
      requests += 1
      return fetch(input, init)
    }
    const uploaded = await upload(site.lake, site.path, { resume, fetch: counting })
    expect(uploaded.checksum).toBe(`sha256:${sha256Hex(site.bytes)}`)
    expect(requests).toBe(3)
    await expectObject(site.lake, 'bucket', site.bytes)
    // Once more is harmless, and sends nothing.
    const again = await upload(site.lake, site.path, { resume, fetch: counting })
    expect([again.storage_ref, requests]).toEqual([uploaded.storage_ref, 3])
  })

  test('one that fails and nobody can go on with is given up', async () => {
    await using site = await aLake(3 * partBytes)
    const refusing: typeof fetch = async () => new Response('', { status: 400 })
    const failing = upload(site.remote, site.path, { fetch: refusing })
    await expect(failing).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(expectObject(site.lake, 'bucket', site.bytes)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  test('bytes that were changed on the way are no object', async () => {
    await using site = await aLake(1000)
    const changing: typeof fetch = (input, init) => {
      const body = new Uint8Array(init?.body as ArrayBuffer)
      body[500] = (body[500] as number) ^ 1
      return fetch(input, { ...init, body })
    }
    const changed = upload(site.remote, site.path, { fetch: changing })
    await expect(changed).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})
