import { bytesOf } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import { isObjectMount, type Mount, type ObjectMount, type PartsUpload } from '../mount.ts'
import { someBytes, someStream } from './builders.ts'
import { collect } from './collect.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)
const mebibyte = 1024 * 1024
const read = async (mount: Mount, key: string) =>
  Buffer.from(await bytesOf((await mount.read(key)).body, 1e9))
const keysOf = async (mount: Mount) => (await collect(mount.list(''))).map(({ key }) => key)

/** What every mount in an object store must do beyond {@link describeMount}. */
export function describeObjectMount({
  create,
  signsRequests = true,
}: {
  readonly create: () => Promise<Mount> | Mount
  readonly signsRequests?: boolean | undefined
}): void {
  const inMount = (test: (mount: ObjectMount) => Promise<void>) => async () => {
    await using mount = await create()
    if (isObjectMount(mount)) await test(mount)
  }

  describe('conditions', () => {
    it(
      'replace what has the etag, and nothing else',
      inMount(async (mount) => {
        const first = await mount.write('a', text('1'))
        const second = await mount.write('a', text('2'), { ifEtag: first.etag })
        const refused = { code: 'PRECONDITION_FAILED' }
        for (const ifEtag of [first.etag, 'unknown']) {
          await expect(mount.write('a', text('3'), { ifEtag })).rejects.toMatchObject(refused)
        }
        await expect(
          mount.write('absent', text('3'), { ifEtag: first.etag }),
        ).rejects.toMatchObject(refused)
        expect(String(await read(mount, 'a'))).toBe('2')
        expect(await mount.head('absent')).toBeUndefined()
        expect((await mount.head('a'))?.etag).toBe(second.etag)
      }),
    )

    it(
      'have one winner among parallel replacers',
      inMount(async (mount) => {
        const { etag } = await mount.write('a', text('old'))
        const outcomes = await Promise.allSettled(
          Array.from({ length: 10 }, (_, index) =>
            mount.write('a', text(`writer ${index}`), { ifEtag: etag }),
          ),
        )
        const winners = outcomes.flatMap(({ status }, index) =>
          status === 'fulfilled' ? [index] : [],
        )
        expect(winners).toHaveLength(1)
        expect(String(await read(mount, 'a'))).toBe(`writer ${winners[0]}`)
      }),
    )

    it(
      'hold for large streams too',
      inMount(async (mount) => {
        const size = 17 * mebibyte
        const outcomes = await Promise.allSettled(
          [1, 2, 3].map((seed) =>
            mount.write('big', someStream(size + seed, mebibyte), { ifAbsent: true }),
          ),
        )
        const winners = outcomes.flatMap((outcome) =>
          outcome.status === 'fulfilled' ? [outcome.value] : [],
        )
        expect(winners).toHaveLength(1)
        const refused = { code: 'PRECONDITION_FAILED' }
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(refused)
        }
        for (const condition of [{ ifAbsent: true }, { ifEtag: 'unknown' }]) {
          await expect(mount.write('big', someStream(size), condition)).rejects.toMatchObject(
            refused,
          )
        }
        expect(await mount.head('big')).toMatchObject({
          sizeBytes: winners[0]?.sizeBytes,
          etag: winners[0]?.etag,
        })
        expect(await mount.sweep({ olderThanMs: 0 })).toBe(0)
      }),
    )
  })

  describe('copies', () => {
    it(
      'have the bytes of their source',
      inMount(async (mount) => {
        const bytes = someBytes(100_000)
        await mount.write('a+b/ü %41?&#', bytes)
        const made = await mount.copy('a+b/ü %41?&#', 'copy/ü %41?&#')
        expect(made).toMatchObject({ key: 'copy/ü %41?&#', sizeBytes: bytes.byteLength })
        expect(await mount.head('copy/ü %41?&#')).toEqual(made)
        expect(await read(mount, 'copy/ü %41?&#')).toEqual(Buffer.from(bytes))
        const onItself = await mount.copy('a+b/ü %41?&#', 'a+b/ü %41?&#')
        expect(onItself).toMatchObject({ sizeBytes: bytes.byteLength })
        const retyped = { contentType: 'image/png' }
        expect(await mount.copy('copy/ü %41?&#', 'copy/ü %41?&#', retyped)).toMatchObject({
          sizeBytes: bytes.byteLength,
        })
      }),
    )

    it(
      'of what is absent are refused',
      inMount(async (mount) => {
        await mount.write('target', text('kept'))
        await expect(mount.copy('absent', 'target')).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await expect(mount.copy('target', '../x')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        await expect(mount.copy('../x', 'target')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        expect(String(await read(mount, 'target'))).toBe('kept')
      }),
    )
  })

  describe('many keys', () => {
    it(
      'are listed over pages, and deleted in groups',
      inMount(async (mount) => {
        const keys = Array.from({ length: 2100 }, (_, index) => `k/${10_000 + index}`)
        let next = 0
        const writer = async () => {
          for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
            await mount.write(key, text(key))
          }
        }
        await Promise.all(Array.from({ length: 16 }, writer))
        expect(await keysOf(mount)).toEqual(keys)
        expect((await collect(mount.listFolder('k/'))).map(({ key }) => key)).toEqual(keys)
        expect(await collect(mount.listFolder(''))).toEqual([{ kind: 'folder', key: 'k/' }])
        const kept = keys.filter((_, index) => index % 500 === 0)
        await mount.deleteMany([...keys.filter((key) => !kept.includes(key)), 'never/was'])
        expect(await keysOf(mount)).toEqual(kept)
        await mount.deleteMany([])
        await mount.deleteMany(kept)
        expect(await keysOf(mount)).toEqual([])
      }),
      60_000,
    )

    it(
      'of any kind can be deleted together',
      inMount(async (mount) => {
        const keys = ['a b', 'a&b<c>"d"', "it's", 'ü/😀', '%41', 'a+b', 'tab\there', 'x\u0001y']
        for (const key of keys) await mount.write(key, text(key))
        expect((await keysOf(mount)).toSorted()).toEqual(keys.toSorted())
        await expect(mount.deleteMany(['a b', '../x'])).rejects.toMatchObject({
          code: 'INVALID_INPUT',
        })
        await mount.deleteMany(keys)
        expect(await keysOf(mount)).toEqual([])
      }),
    )
  })

  describe('uploads in parts', () => {
    const withParts = async (mount: ObjectMount, key: string) => {
      const upload = await mount.beginParts(key, { contentType: 'video/mp4' })
      const size = mount.partLimits.minBytes
      // As another process would have it.
      const known = JSON.parse(JSON.stringify(upload)) as PartsUpload
      return { upload: known, bodies: [someBytes(size, 1), someBytes(size, 2), someBytes(100, 3)] }
    }

    it(
      'show nothing until they are completed, and go on from what the store has',
      inMount(async (mount) => {
        const { upload, bodies } = await withParts(mount, 'video')
        const [one, two, three] = bodies
        if (one === undefined || two === undefined || three === undefined) return
        await mount.writePart(upload, 2, someBytes(one.byteLength, 9))
        await mount.writePart(upload, 1, one)
        expect(await mount.head('video')).toBeUndefined()
        expect(await keysOf(mount)).toEqual([])
        const again = await mount.writePart(upload, 2, two)
        expect((await mount.listParts(upload)).map(({ number }) => number)).toEqual([1, 2])
        expect((await mount.listParts(upload))[1]).toEqual(again)
        await mount.writePart(upload, 3, three)
        const made = await mount.completeParts(upload, await mount.listParts(upload))
        const whole = Buffer.concat(bodies)
        expect(made).toMatchObject({ key: 'video', sizeBytes: whole.byteLength })
        expect(await mount.head('video')).toEqual(made)
        expect((await read(mount, 'video')).equals(whole)).toBe(true)
        await expect(mount.writePart(upload, 1, one)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await mount.abortParts(upload)
        expect(await mount.head('video')).toEqual(made)
      }),
    )

    it(
      'create only when asked to',
      inMount(async (mount) => {
        const { upload, bodies } = await withParts(mount, 'taken')
        const part = await mount.writePart(upload, 1, bodies[2] ?? text('x'))
        await mount.write('taken', text('kept'))
        await expect(mount.completeParts(upload, [part], { ifAbsent: true })).rejects.toMatchObject(
          { code: 'PRECONDITION_FAILED' },
        )
        expect(String(await read(mount, 'taken'))).toBe('kept')
        await mount.abortParts(upload)
      }),
    )

    it(
      'refuse parts that are not there, and can be dropped',
      inMount(async (mount) => {
        const { upload, bodies } = await withParts(mount, 'dropped')
        const part = await mount.writePart(upload, 1, bodies[0] ?? text('x'))
        const refused = { code: 'INVALID_INPUT' }
        await expect(mount.completeParts(upload, [])).rejects.toMatchObject(refused)
        await expect(
          mount.completeParts(upload, [part, { ...part, number: 2 }]),
        ).rejects.toMatchObject(refused)
        await expect(mount.writePart(upload, 0, text('x'))).rejects.toMatchObject(refused)
        await mount.abortParts(upload)
        await mount.abortParts(upload)
        await expect(mount.listParts(upload)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await expect(mount.completeParts(upload, [part])).rejects.toMatchObject({
          code: 'NOT_FOUND',
        })
        expect(await mount.head('dropped')).toBeUndefined()
      }),
    )
  })

  if (!signsRequests) return
  describe('signed requests', () => {
    const minute = { expiresInMs: 60_000 }

    it(
      'read and write without credentials',
      inMount(async (mount) => {
        const bytes = someBytes(70_000)
        const put = await mount.signWrite('in/ü +1.png', { ...minute, contentType: 'image/png' })
        expect(put.method).toBe('PUT')
        const answer = await fetch(put.url, { ...put, body: bytes })
        expect(answer.status).toBe(200)
        expect(await read(mount, 'in/ü +1.png')).toEqual(Buffer.from(bytes))
        const get = await mount.signRead('in/ü +1.png', minute)
        expect(get.method).toBe('GET')
        const got = await fetch(get.url, get)
        expect(Buffer.from(await got.arrayBuffer())).toEqual(Buffer.from(bytes))
        expect(got.headers.get('content-type')).toBe('image/png')
        const range = { ...get.headers, range: 'bytes=10-19' }
        const piece = await fetch(get.url, { headers: range })
        expect(Buffer.from(await piece.arrayBuffer())).toEqual(Buffer.from(bytes.slice(10, 20)))
        const absent = await mount.signRead('absent', minute)
        expect((await fetch(absent.url, absent)).status).toBe(404)
      }),
    )

    it(
      'write parts',
      inMount(async (mount) => {
        const upload = await mount.beginParts('signed')
        const bodies = [someBytes(mount.partLimits.minBytes, 1), someBytes(10, 2)]
        for (const [index, body] of bodies.entries()) {
          const put = await mount.signPart(upload, index + 1, minute)
          expect((await fetch(put.url, { ...put, body })).ok).toBe(true)
        }
        const parts = await mount.listParts(upload)
        expect(parts.map(({ sizeBytes }) => sizeBytes)).toEqual([mount.partLimits.minBytes, 10])
        await mount.completeParts(upload, parts, { ifAbsent: true })
        expect((await read(mount, 'signed')).equals(Buffer.concat(bodies))).toBe(true)
      }),
    )

    it(
      'are good for a bounded time',
      inMount(async (mount) => {
        const refused = { code: 'INVALID_INPUT' }
        for (const expiresInMs of [0, -1, Number.NaN, 7 * 86_400_000 + 1]) {
          await expect(mount.signRead('a', { expiresInMs })).rejects.toMatchObject(refused)
          await expect(
            mount.signWrite('a', { expiresInMs, contentType: 'text/plain' }),
          ).rejects.toMatchObject(refused)
        }
        await mount.signRead('a', { expiresInMs: 7 * 86_400_000 })
        await expect(mount.signRead('../a', minute)).rejects.toMatchObject(refused)
      }),
    )
  })
}
