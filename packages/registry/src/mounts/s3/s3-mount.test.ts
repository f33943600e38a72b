import { inspect } from 'node:util'
import { GetObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { bytesOf } from '@mindtrace/core'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { Mount, PartsUpload } from '../../mount.ts'
import { collect } from '../../testing/collect.ts'
import { describeMount, someBytes, someStream } from '../../testing/index.ts'
import { s3Endpoint as endpoint, s3Bucket } from '../../testing/s3-bucket.ts'
import { S3Mount, type S3MountOptions } from './s3-mount.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)
const mebibyte = 1024 * 1024
const read = async (mount: Mount, key: string, range?: { start: number; end?: number }) =>
  Buffer.from(await bytesOf((await mount.read(key, { range })).body, 1e9))
const keysOf = async (mount: Mount) => (await collect(mount.list(''))).map(({ key }) => key)

describe.skipIf(endpoint === '')('with MINDTRACE_TEST_S3_ENDPOINT', async () => {
  await using stack = new AsyncDisposableStack()
  const bucket = stack.use(await s3Bucket())
  const kept = stack.move()
  afterAll(() => kept.disposeAsync())
  let mounts = 0

  const aMount = (options: Partial<S3MountOptions> = {}) => {
    mounts += 1
    return new S3Mount({ endpoint, bucket: bucket.name, prefix: `mount-${mounts}`, ...options })
  }

  const aWholeBucket = async (options: { readonly create: boolean }) => {
    const own = await s3Bucket(options)
    const mount = new S3Mount({ endpoint, bucket: own.name })
    const close = mount[Symbol.asyncDispose].bind(mount)
    return Object.assign(mount, {
      missingBucket: own.name,
      [Symbol.asyncDispose]: async () => {
        await close()
        await own[Symbol.asyncDispose]()
      },
    })
  }

  describeMount('s3', {
    create: () => aMount(),
    createMissing: () => aWholeBucket({ create: false }),
  })
  describeMount('s3, the whole bucket', { create: () => aWholeBucket({ create: true }) })

  describe('a mount in S3', () => {
    it('makes its bucket by the first write, also when several meet', async () => {
      await using own = await s3Bucket()
      await using mount = aMount({ bucket: own.name })
      const body = someStream(20 * mebibyte, mebibyte)
      await Promise.all([
        mount.write('a', body),
        mount.write('b', text('b'), { ifAbsent: true }),
        mount.beginParts('c').then((upload) => mount.abortParts(upload)),
      ])
      expect((await read(mount, 'a')).byteLength).toBe(20 * mebibyte)
      expect(await keysOf(mount)).toEqual(['a', 'b'])
    })

    it('keeps objects where the prefix says', async () => {
      await using mount = aMount({ prefix: '/deep/er/' })
      expect(mount.location).toBe(`s3://${bucket.name}/deep/er`)
      await mount.write('a/ü b', text('x'))
      const found = await bucket.client.send(
        new GetObjectCommand({ Bucket: bucket.name, Key: 'deep/er/a/ü b' }),
      )
      expect(await found.Body?.transformToString()).toBe('x')
      await mount.delete('a/ü b')
    })

    it('lists only keys that a mount can have', async () => {
      await using mount = aMount()
      const prefix = mount.location.slice(`s3://${bucket.name}/`.length)
      for (const key of ['ours', 'folder/', 'folder/x', '.mt-probe']) {
        const put = { Bucket: bucket.name, Key: `${prefix}/${key}`, Body: 'x' }
        await bucket.client.send(new PutObjectCommand(put))
      }
      const beside = { Bucket: bucket.name, Key: `${prefix}-beside`, Body: 'x' }
      await bucket.client.send(new PutObjectCommand(beside))
      expect(await keysOf(mount)).toEqual(['folder/x', 'ours'])
      expect(await collect(mount.listFolder(''))).toEqual([
        { kind: 'folder', key: 'folder/' },
        { kind: 'object', key: 'ours' },
      ])
      expect(await collect(mount.listFolder('folder/'))).toEqual([
        { kind: 'object', key: 'folder/x' },
      ])
    })

    it('refuses a key that is too long with its prefix', async () => {
      await using mount = aMount({ prefix: 'p'.repeat(200) })
      const key = `${'k'.repeat(220)}/`.repeat(4).slice(0, -1)
      await expect(mount.write(key, text('x'))).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      await expect(mount.head(key)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    })

    it('reads ranges of empty objects', async () => {
      await using mount = aMount()
      await mount.write('empty', new Uint8Array())
      expect((await read(mount, 'empty', { start: 0 })).byteLength).toBe(0)
      expect((await read(mount, 'empty', { start: 0, end: 9 })).byteLength).toBe(0)
      expect((await read(mount, 'empty', { start: 0, end: 0 })).byteLength).toBe(0)
      const outside = { code: 'RANGE_NOT_SATISFIABLE', details: { sizeBytes: 0 } }
      await expect(read(mount, 'empty', { start: 1 })).rejects.toMatchObject(outside)
      await expect(read(mount, 'absent', { start: 3, end: 3 })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
    })

    it('leaves no upload behind when a large write fails', async () => {
      await using mount = aMount()
      const failure = new Error('the source broke')
      let left = 40
      const breaking = new ReadableStream<Uint8Array>({
        pull(controller) {
          left -= 1
          if (left < 0) throw failure
          controller.enqueue(new Uint8Array(mebibyte))
        },
      })
      await expect(mount.write('big', breaking)).rejects.toBe(failure)
      const controller = new AbortController()
      const reason = new Error('stop')
      left = 40
      const stalling = new ReadableStream<Uint8Array>({
        pull(stream) {
          left -= 1
          if (left > 0) return stream.enqueue(new Uint8Array(mebibyte))
          queueMicrotask(() => controller.abort(reason))
          return new Promise(() => {})
        },
      })
      const { signal } = controller
      await expect(mount.write('big', stalling, { signal })).rejects.toBe(reason)
      const listed = await bucket.client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket.name }),
      )
      expect(listed.Uploads ?? []).toEqual([])
      expect(await mount.head('big')).toBeUndefined()
    })

    it('sweeps uploads that nobody ended, of its prefix and old enough', async () => {
      await using mount = aMount()
      await using beside = aMount()
      const upload = await mount.beginParts('a')
      const other = await beside.beginParts('a')
      expect(await mount.sweep({ olderThanMs: 60_000 })).toBe(0)
      expect(await mount.listParts(upload)).toEqual([])
      expect(await mount.sweep({ olderThanMs: -60_000 })).toBe(1)
      await expect(mount.listParts(upload)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await beside.abortParts(other)
    })

    it('goes on with an upload that another process began', async () => {
      await using first = aMount({ prefix: 'shared' })
      const begun = await first.beginParts('video')
      const bodies = [someBytes(5 * mebibyte, 1), someBytes(5 * mebibyte, 2), someBytes(9, 3)]
      await first.writePart(begun, 1, bodies[0] ?? text(''))
      await first[Symbol.asyncDispose]()
      await using second = aMount({ prefix: 'shared' })
      const upload = JSON.parse(JSON.stringify(begun)) as PartsUpload
      const there = new Set((await second.listParts(upload)).map(({ number }) => number))
      for (const [index, body] of bodies.entries()) {
        if (!there.has(index + 1)) await second.writePart(upload, index + 1, body)
      }
      const made = await second.completeParts(upload, await second.listParts(upload))
      expect((await read(second, 'video')).equals(Buffer.concat(bodies))).toBe(true)
      expect(made.etag).toMatch(/^[0-9a-f]{32}-3$/)
    })

    it('copies large objects in parts, with their media type', async () => {
      await using mount = aMount({ copyPartBytes: 5 * mebibyte })
      const whole = someBytes(12 * mebibyte + 3)
      await mount.write('a', whole, { contentType: 'video/mp4' })
      const made = await mount.copy('a', 'b')
      expect(made).toMatchObject({ key: 'b', sizeBytes: whole.byteLength })
      expect((await read(mount, 'b')).equals(whole)).toBe(true)
      const get = await mount.signRead('b', { expiresInMs: 60_000 })
      expect((await fetch(get.url, { method: 'HEAD' })).status).toBe(403) // signed for GET only
      const answer = await fetch(get.url, { headers: { range: 'bytes=0-1' } })
      await answer.body?.cancel()
      expect(answer.headers.get('content-type')).toBe('video/mp4')
    })

    it('is closed after it was disposed', async () => {
      const mount = aMount()
      await mount[Symbol.asyncDispose]()
      await mount[Symbol.asyncDispose]()
      await expect(mount.head('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })
  })

  describe('a request signed for S3', () => {
    it('is refused when it is overdue or changed', async () => {
      await using mount = aMount()
      await mount.write('a', text('secret'))
      const { url } = await mount.signRead('a', { expiresInMs: 900 })
      expect(await (await fetch(url)).text()).toBe('secret')
      const tampered = [
        url.replace(/X-Amz-Expires=1\b/, 'X-Amz-Expires=600'),
        url.replace('/a?', '/b?'),
        url.replace(/X-Amz-Signature=./, 'X-Amz-Signature=0'),
        url.replace(/X-Amz-Signature=[^&]*/, ''),
      ]
      for (const changed of tampered) {
        if (changed !== url) expect((await fetch(changed)).ok).toBe(false)
      }
      await vi.waitFor(async () => expect((await fetch(url)).status).toBe(403), 5000)
      const put = await mount.signWrite('a', { expiresInMs: 60_000, contentType: 'image/png' })
      const asHtml = { method: 'PUT', body: 'x', headers: { 'Content-Type': 'text/html' } }
      expect((await fetch(put.url, asHtml)).status).toBe(403)
      expect((await fetch(put.url, { method: 'PUT', body: text('x') })).ok).toBe(false)
      expect(String(await read(mount, 'a'))).toBe('secret')
    })

    it('says as what the bytes are to be downloaded', async () => {
      await using mount = aMount()
      await mount.write('a', text('<script>'), { contentType: 'text/html' })
      const { url } = await mount.signRead('a', {
        expiresInMs: 60_000,
        contentType: 'application/octet-stream',
        contentDisposition: `attachment; filename="a.txt"; filename*=UTF-8''%C3%BC.txt`,
      })
      const { headers } = await fetch(url)
      expect(headers.get('content-type')).toBe('application/octet-stream')
      expect(headers.get('content-disposition')).toContain("filename*=UTF-8''%C3%BC.txt")
    })

    it('goes where clients reach the store', async () => {
      await using mount = aMount({ presignEndpoint: 'https://files.example.com' })
      await mount.write('a', text('x'))
      const { url } = await mount.signRead('a', { expiresInMs: 60_000 })
      expect(url).toMatch(/^https:\/\/files\.example\.com\/mindtrace-[^?]*\/a\?/)
    })
  })

  describe('credentials', () => {
    const secret = 'a-very-secret-secret'
    const told = (error: unknown) =>
      `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`

    it.each([
      ['an unknown key', { accessKeyId: 'nobody', secretAccessKey: secret }],
      [
        'a wrong secret',
        { accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: secret },
      ],
    ])('%s is told, without the secret', async (_what, credentials) => {
      await using mount = aMount({ credentials })
      const attempts = [
        () => mount.read('a'),
        () => mount.head('a'),
        () => mount.write('a', text('x')),
        () => mount.write('a', text('x'), { ifAbsent: true }),
        () => mount.write('a', someStream(9 * mebibyte, mebibyte)),
        () => mount.delete('a'),
        () => mount.deleteMany(['a', 'b']),
        () => collect(mount.list('')),
        () => mount.copy('a', 'b'),
      ]
      for (const attempt of attempts) {
        const error = await attempt().catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'FORBIDDEN' })
        expect(told(error)).not.toContain(secret)
        expect(told(error)).not.toContain('Signature=')
      }
    })

    it('that are missing are named', async () => {
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) {
        vi.stubEnv(name, undefined)
      }
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
      vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
      try {
        await using mount = aMount()
        const missing = {
          code: 'FORBIDDEN',
          message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
        }
        await expect(mount.write('a', text('x'))).rejects.toMatchObject(missing)
        await expect(mount.signRead('a', { expiresInMs: 1000 })).rejects.toMatchObject(missing)
      } finally {
        vi.unstubAllEnvs()
      }
    })
  })
})
