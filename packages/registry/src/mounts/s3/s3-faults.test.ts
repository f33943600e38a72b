import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { bytesOf } from '@mindtrace/core'
import { FaultyHttpProxy } from '@mindtrace/core/testing'
import { afterAll, describe, expect, it } from 'vitest'
import type { Mount } from '../../mount.ts'
import { collect } from '../../testing/collect.ts'
import { someBytes, someStream } from '../../testing/index.ts'
import { s3Bucket, s3Endpoint } from '../../testing/s3-bucket.ts'
import { S3Mount, type S3MountOptions } from './s3-mount.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)
const mebibyte = 1024 * 1024
const credentials = { accessKeyId: 'somebody', secretAccessKey: 'something' }
const read = async (mount: Mount, key: string, range?: { start: number; end?: number }) =>
  Buffer.from(await bytesOf((await mount.read(key, { range })).body, 1e9))
const xml = (code: string, more = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message>${more}</Error>`

describe.skipIf(s3Endpoint === '')(
  'an S3 store in trouble (MINDTRACE_TEST_S3_ENDPOINT)',
  async () => {
    await using stack = new AsyncDisposableStack()
    const bucket = stack.use(await s3Bucket({ create: true }))
    const kept = stack.move()
    afterAll(() => kept.disposeAsync())
    let mounts = 0

    /** A mount that reaches the store through a bad network, and one that does not. */
    const inTrouble = async (
      test: (place: { mount: S3Mount; direct: S3Mount; proxy: FaultyHttpProxy }) => Promise<void>,
      options: Partial<S3MountOptions> = {},
    ) => {
      const { hostname: host, port } = new URL(s3Endpoint)
      await using proxy = await FaultyHttpProxy.start({ host, port: Number(port) })
      mounts += 1
      const place = { bucket: bucket.name, prefix: `faults-${mounts}` }
      await using mount = new S3Mount({ ...place, endpoint: proxy.url, ...options })
      await using direct = new S3Mount({ ...place, endpoint: s3Endpoint })
      await test({ mount, direct, proxy })
    }

    describe('that answers with errors', () => {
      it('is asked again, after the time that it asks for', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          const slowDown = { status: 503, headers: { 'retry-after': '1' }, body: xml('SlowDown') }
          const startedAt = performance.now()
          proxy.answerNext(1, slowDown)
          proxy.answerNext(2, { status: 500, body: xml('InternalError') })
          const written = await mount.write('a', text('hello'))
          expect(performance.now() - startedAt).toBeGreaterThan(950)
          expect((await direct.head('a'))?.etag).toBe(written.etag)
          proxy.answerNext(2, { status: 503, body: 'no XML at all' })
          expect(String(await read(mount, 'a'))).toBe('hello')
          proxy.answerNext(2, { status: 502 })
          expect((await collect(mount.list(''))).length).toBe(1)
          expect(proxy.unanswered).toBe(0)
        }))

      it('is given up after some attempts', () =>
        inTrouble(
          async ({ mount, proxy }) => {
            proxy.answerNext(50, { status: 500, body: xml('InternalError') })
            const unavailable = { code: 'UNAVAILABLE', message: expect.stringContaining('500') }
            await expect(mount.write('a', text('x'))).rejects.toMatchObject(unavailable)
            await expect(mount.read('a')).rejects.toMatchObject(unavailable)
            await expect(mount.head('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
            await expect(collect(mount.list(''))).rejects.toMatchObject(unavailable)
            expect(proxy.unanswered).toBe(50 - 4 * 2)
          },
          { maxAttempts: 2 },
        ))

      it('may have conflicts of its own, which say nothing about the key', () =>
        inTrouble(async ({ mount, proxy }) => {
          await mount.write('first', text('x'), { ifAbsent: true })
          const conflict = { status: 409, body: xml('ConditionalRequestConflict') }
          proxy.answerNext(3, conflict)
          const { etag } = await mount.write('a', text('1'), { ifAbsent: true })
          proxy.answerNext(2, conflict)
          await mount.write('a', text('2'), { ifEtag: etag })
          expect(proxy.unanswered).toBe(0)
          expect(String(await read(mount, 'a'))).toBe('2')
        }))

      it('may have received damaged bytes, which are sent again', () =>
        inTrouble(async ({ mount, proxy }) => {
          proxy.answerNext(1, { status: 400, body: xml('BadDigest') })
          proxy.answerNext(1, { status: 400, body: xml('XAmzContentSHA256Mismatch') })
          await mount.write('a', text('hello'))
          expect(String(await read(mount, 'a'))).toBe('hello')
        }))

      it.each([
        [507, 'XMinioStorageFull', 'STORAGE_FULL'],
        [409, 'QuotaExceeded', 'STORAGE_FULL'],
        [403, 'AccessDenied', 'FORBIDDEN'],
        [400, 'ExpiredToken', 'FORBIDDEN'],
        [403, 'RequestTimeTooSkewed', 'FORBIDDEN'],
        [400, 'EntityTooLarge', 'TOO_LARGE'],
        [409, 'XMinioParentIsObject', 'CONFLICT'],
        [501, 'NotImplemented', 'NOT_IMPLEMENTED'],
        [404, 'NoSuchThing', 'NOT_FOUND'],
        [418, 'NeverHeardOf', 'UNAVAILABLE'],
      ])('a write that meets %i %s fails with our code', (status, s3Code, code) =>
        inTrouble(async ({ mount, direct, proxy }) => {
          await direct.write('a', text('old'))
          proxy.answerNext(10, { status, body: xml(s3Code) })
          await expect(mount.write('a', text('new'))).rejects.toMatchObject({
            code,
            details: { key: 'a', s3Code },
          })
          expect(String(await read(direct, 'a'))).toBe('old')
        }),
      )

      it('leaves nothing of a large write that fails in the middle', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          const isThird = ({ path }: { path: string }) => path.includes('partNumber=3')
          proxy.answerNext(1, { status: 507, body: xml('XMinioStorageFull'), only: isThird })
          await expect(
            mount.write('big', someStream(60 * mebibyte, mebibyte)),
          ).rejects.toMatchObject({ code: 'STORAGE_FULL' })
          await expect(
            (() => {
              proxy.answerNext(1, { status: 507, body: xml('XMinioStorageFull'), only: isThird })
              return mount.write('big', someBytes(40 * mebibyte))
            })(),
          ).rejects.toMatchObject({ code: 'STORAGE_FULL' })
          expect(await direct.head('big')).toBeUndefined()
          const listed = await bucket.client.send(
            new ListMultipartUploadsCommand({ Bucket: bucket.name }),
          )
          expect(listed.Uploads ?? []).toEqual([])
        }))

      it('which cannot delete many at once, deletes one by one', () =>
        inTrouble(async ({ mount, proxy }) => {
          const keys = Array.from({ length: 12 }, (_, index) => `k${index}`)
          for (const key of keys) await mount.write(key, text('x'))
          proxy.answerNext(1, { status: 501, body: xml('NotImplemented') })
          await mount.deleteMany(keys)
          expect(await collect(mount.list(''))).toEqual([])
          await mount.deleteMany(keys)
        }))

      it('tells which of many keys it did not delete', () =>
        inTrouble(async ({ mount, proxy }) => {
          for (const key of ['a', 'b', 'c']) await mount.write(key, text('x'))
          const prefix = mount.location.slice(`s3://${bucket.name}/`.length)
          const refusal = `<Error><Key>${prefix}/b</Key><Code>AccessDenied</Code><Message>no</Message></Error>`
          const body = `<?xml version="1.0" encoding="UTF-8"?><DeleteResult>${refusal}</DeleteResult>`
          proxy.answerNext(1, { status: 200, body })
          const isDelete = ({ method }: { method: string }) => method === 'DELETE'
          proxy.answerNext(1, { status: 403, body: xml('AccessDenied'), only: isDelete })
          await expect(mount.deleteMany(['a', 'b', 'c'])).rejects.toMatchObject({
            code: 'FORBIDDEN',
            details: { key: 'b' },
          })
        }))
    })

    describe('that breaks off', () => {
      it('is read on from where it stopped', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          const whole = someBytes(5 * mebibyte + 7)
          await direct.write('a', whole)
          await proxy.wire.become({ kind: 'truncate', afterBytes: mebibyte, times: 4 })
          expect((await read(mount, 'a')).equals(whole)).toBe(true)
          await proxy.wire.become({ kind: 'truncate', afterBytes: 700_000, times: 2 })
          const piece = await read(mount, 'a', { start: 1_000_001, end: 4_000_001 })
          expect(piece.equals(whole.slice(1_000_001, 4_000_001))).toBe(true)
        }))

      it('never passes for a shorter object', () =>
        inTrouble(
          async ({ mount, direct, proxy }) => {
            await direct.write('a', someBytes(3 * mebibyte))
            const { body } = await mount.read('a')
            // From now on no answer has even its headers.
            await proxy.wire.become({ kind: 'truncate', afterBytes: 20 })
            await expect(bytesOf(body, 1e9)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
          },
          { maxAttempts: 2 },
        ))

      it('is read on when it stalls', () =>
        inTrouble(
          async ({ mount, direct, proxy }) => {
            const whole = someBytes(20 * mebibyte)
            await direct.write('a', whole)
            const { body } = await mount.read('a')
            const reader = body.getReader()
            const first = await reader.read()
            reader.releaseLock()
            await proxy.wire.become({ kind: 'black hole' })
            const rest = bytesOf(body, 1e9)
            setTimeout(() => void proxy.wire.become({ kind: 'none' }), 700)
            const bytes = Buffer.concat([first.value ?? new Uint8Array(), await rest])
            expect(bytes.equals(whole)).toBe(true)
          },
          { idleTimeoutMs: 300 },
        ))

      it('is not read on when the object became another one', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          await direct.write('a', someBytes(30 * mebibyte, 1))
          const { body } = await mount.read('a')
          const reader = body.getReader()
          await reader.read()
          reader.releaseLock()
          // MinIO lets nobody write what is being read.
          await proxy.wire.become({ kind: 'refuse' })
          proxy.wire.cut()
          await direct.write('a', someBytes(30 * mebibyte, 2))
          await proxy.wire.become({ kind: 'none' })
          await expect(bytesOf(body, 1e9)).rejects.toMatchObject({
            code: 'UNAVAILABLE',
            message: expect.stringContaining('changed'),
          })
        }))

      it('does not lose what a slow reader has not read yet', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          const whole = someBytes(6 * mebibyte)
          await direct.write('a', whole)
          const { body } = await mount.read('a')
          proxy.wire.cut()
          expect(Buffer.from(await bytesOf(body, 1e9)).equals(whole)).toBe(true)
        }))

      it('gets a write again whose connection was reset', () =>
        inTrouble(async ({ mount, proxy }) => {
          await proxy.wire.become({ kind: 'truncate', afterBytes: 1, times: 2 })
          const whole = someBytes(30 * mebibyte)
          const written = await mount.write('a', whole)
          expect(await mount.head('a')).toMatchObject({
            etag: written.etag,
            sizeBytes: whole.length,
          })
          expect((await read(mount, 'a')).equals(whole)).toBe(true)
        }))
    })

    describe('whose answer is lost', () => {
      const isPut = ({ method }: { method: string }) => method === 'PUT'

      it('has created what it then refuses to create', () =>
        inTrouble(async ({ mount, proxy }) => {
          await mount.write('first', text('x'), { ifAbsent: true })
          proxy.loseNextAnswer(isPut)
          const { etag } = await mount.write('a', text('ours'), { ifAbsent: true })
          expect((await mount.head('a'))?.etag).toBe(etag)
          // Once we know that it is ours, another create is still refused.
          const refused = { code: 'PRECONDITION_FAILED' }
          await expect(mount.write('a', text('ours'), { ifAbsent: true })).rejects.toMatchObject(
            refused,
          )
          proxy.loseNextAnswer(isPut)
          await expect(mount.write('a', text('ours'), { ifAbsent: true })).rejects.toMatchObject(
            refused,
          )
        }))

      it('has replaced what it then refuses to replace', () =>
        inTrouble(async ({ mount, proxy }) => {
          const first = await mount.write('a', text('1'))
          await mount.write('b', text('1'), { ifAbsent: true })
          await expect(mount.write('b', text('2'), { ifEtag: 'x' })).rejects.toThrow()
          proxy.loseNextAnswer(isPut)
          const second = await mount.write('a', text('2'), { ifEtag: first.etag })
          expect((await mount.head('a'))?.etag).toBe(second.etag)
          expect(String(await read(mount, 'a'))).toBe('2')
        }))

      it.each([{ ifAbsent: true }, {}])('has completed an upload: %j', (condition) =>
        inTrouble(async ({ mount, proxy }) => {
          await mount.write('first', text('x'), { ifAbsent: true })
          const isComplete = ({ method, path }: { method: string; path: string }) =>
            method === 'POST' && path.includes('uploadId=')
          const whole = someBytes(20 * mebibyte)
          proxy.loseNextAnswer(isComplete)
          const written = await mount.write('big', whole, condition)
          expect(await mount.head('big')).toMatchObject({ etag: written.etag })
          const upload = await mount.beginParts('parts')
          const parts = [await mount.writePart(upload, 1, text('all of it'))]
          proxy.loseNextAnswer(isComplete)
          const made = await mount.completeParts(upload, parts, condition)
          expect(made).toMatchObject({ key: 'parts', sizeBytes: 9 })
          await expect(mount.completeParts(upload, parts, condition)).rejects.toMatchObject({
            code: expect.stringMatching(/^(NOT_FOUND|PRECONDITION_FAILED)$/),
          })
        }),
      )

      it('has written, deleted and copied all the same', () =>
        inTrouble(async ({ mount, proxy }) => {
          for (const lost of [1, 2, 3]) {
            proxy.loseNextAnswer(isPut)
            await mount.write('a', text(`${lost}`))
          }
          proxy.loseNextAnswer(isPut)
          expect(await mount.copy('a', 'b')).toMatchObject({ key: 'b', sizeBytes: 1 })
          proxy.loseNextAnswer(({ method }) => method === 'DELETE')
          await mount.delete('a')
          proxy.loseNextAnswer(({ method }) => method === 'POST')
          await mount.deleteMany(['a', 'b'])
          expect(await collect(mount.list(''))).toEqual([])
        }))
    })

    describe('that does not answer', () => {
      it('is left at once on an abort, with its reason', () =>
        inTrouble(async ({ mount, proxy }) => {
          await mount.write('a', someBytes(10 * mebibyte))
          const opened = await mount.read('a')
          await proxy.wire.become({ kind: 'black hole' })
          const startedAt = performance.now()
          const reason = new Error('stop')
          const waiting: ((options: { signal: AbortSignal }) => Promise<unknown>)[] = [
            (options) => mount.read('a', options),
            (options) => mount.head('a', options),
            (options) => mount.write('b', text('x'), options),
            (options) => mount.write('b', text('x'), { ...options, ifAbsent: true }),
            (options) => mount.write('b', someStream(20 * mebibyte, mebibyte), options),
            (options) => mount.delete('a', options),
            (options) => mount.deleteMany(['a', 'b'], options),
            (options) => mount.copy('a', 'b', options),
            (options) => collect(mount.list('', options)),
            (options) => collect(mount.listFolder('', options)),
            (options) => mount.sweep({ ...options, olderThanMs: 0 }),
            (options) => mount.beginParts('b', options),
          ]
          await Promise.all(
            waiting.map(async (wait) => {
              const controller = new AbortController()
              setTimeout(() => controller.abort(reason), 100)
              await expect(wait({ signal: controller.signal })).rejects.toBe(reason)
            }),
          )
          await opened.body.cancel()
          expect(performance.now() - startedAt).toBeLessThan(5000)
        }))

      it('is left at once between two attempts, too', () =>
        inTrouble(async ({ mount, proxy }) => {
          const headers = { 'retry-after': '5' }
          proxy.answerNext(9, { status: 503, headers, body: xml('SlowDown') })
          const startedAt = performance.now()
          const signal = AbortSignal.timeout(200)
          await expect(mount.head('a', { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
          expect(performance.now() - startedAt).toBeLessThan(1500)
        }))

      it('fails after a bounded time', () =>
        inTrouble(
          async ({ mount, proxy }) => {
            await proxy.wire.become({ kind: 'black hole' })
            await expect(mount.write('a', text('x'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
            await proxy.wire.become({ kind: 'refuse' })
            proxy.wire.cut()
            await expect(mount.read('a')).rejects.toMatchObject({
              code: 'UNAVAILABLE',
              message: expect.stringContaining('ECONNREFUSED'),
            })
          },
          { idleTimeoutMs: 300, maxAttempts: 2 },
        ))

      it('stops a read in the middle on an abort', () =>
        inTrouble(async ({ mount, direct, proxy }) => {
          await direct.write('a', someBytes(30 * mebibyte))
          const controller = new AbortController()
          const { body } = await mount.read('a', { signal: controller.signal })
          const reader = body.getReader()
          await reader.read()
          reader.releaseLock()
          await proxy.wire.become({ kind: 'black hole' })
          const reason = new Error('stop')
          setTimeout(() => controller.abort(reason), 50)
          await expect(bytesOf(body, 1e9)).rejects.toBe(reason)
        }))
    })

    it('reads what others wrote while it was read, or says that it changed', () =>
      inTrouble(async ({ mount }) => {
        const prefix = mount.location.slice(`s3://${bucket.name}/`.length)
        for (const [index, size] of [3, 2, 1].entries()) {
          const Body = someBytes(size * mebibyte, index + 1)
          const put = { Bucket: bucket.name, Key: `${prefix}/a`, Body }
          await bucket.client.send(new PutObjectCommand(put))
          expect((await read(mount, 'a')).equals(Body)).toBe(true)
        }
      }))
  },
)

describe('a store that differs from S3', () => {
  /** A store of a few lines. */
  const store = async (
    answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  ) => {
    const requests: string[] = []
    const server = createServer(async (request, response) => {
      requests.push(`${request.method} ${request.url}`)
      answer(request, response, await textOf(request))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const place = { bucket: 'bucket', endpoint: `http://127.0.0.1:${port}`, credentials }
    return {
      mount: new S3Mount({ ...place, maxAttempts: 1 }),
      requests,
      async [Symbol.asyncDispose]() {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      },
    }
  }

  it('by ignoring conditions is found out before the first of them is relied on', async () => {
    await using ignorant = await store((_request, response) => {
      response.writeHead(200, { etag: '"same"' }).end()
    })
    const { mount, requests } = ignorant
    const refused = { code: 'NOT_IMPLEMENTED' }
    const outcomes = await Promise.allSettled([
      mount.write('a', text('x'), { ifAbsent: true }),
      mount.write('b', text('x'), { ifAbsent: true }),
      mount.write('c', text('x'), { ifEtag: 'y' }),
    ])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: refused })
    }
    const paths = requests.map((request) => request.replace(/\?.*/, ''))
    expect(paths).toEqual(Array.from({ length: 4 }, () => 'PUT /bucket/.mt-probe'))
    await mount.write('a', text('x'))
    expect(requests.at(-1)).toMatch(/^PUT \/bucket\/a/)
  })

  it.each([
    ['PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-1' }, ''],
    ['AuthorizationHeaderMalformed', 400, {}, '<Region>eu-west-1</Region>'],
  ])('by its region is told which one it is: %s', async (code, status, headers, more) => {
    await using elsewhere = await store((_request, response) => {
      response.writeHead(status, headers).end(xml(code, more))
    })
    await expect(elsewhere.mount.read('a')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('region=eu-west-1'),
    })
  })

  it('by ignoring ranges is not taken for one that answers them', async () => {
    await using ignorant = await store((_request, response) => {
      response.writeHead(200, { 'content-length': 10, etag: '"e"' }).end('0123456789')
    })
    const { mount } = ignorant
    expect(String(await read(mount, 'a'))).toBe('0123456789')
    await expect(mount.read('a', { range: { start: 2, end: 4 } })).rejects.toMatchObject({
      code: 'NOT_IMPLEMENTED',
    })
  })

  it('by ending too early is an error', async () => {
    await using short = await store((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (from > 0) {
        response.writeHead(206, { 'content-range': `bytes ${from}-9/10` }).end()
      } else {
        response.writeHead(200, { 'content-length': 10, etag: '"e"' })
        response.write('01234', () => request.socket.destroy())
      }
    })
    await expect(read(short.mount, 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('by broken lists is not listed for ever', async () => {
    await using looping = await store((_request, response) => {
      const page = '<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>'
      response.end(`<?xml version="1.0"?><ListBucketResult>${page}</ListBucketResult>`)
    })
    await expect(collect(looping.mount.list(''))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
