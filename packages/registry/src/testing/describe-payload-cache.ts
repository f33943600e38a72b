import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesOf, MindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { PayloadCache, type PayloadCacheOptions } from '../cache/payload-cache.ts'
import type { Mount } from '../mount.ts'
import { openRegistry } from '../registry.ts'
import { someBytes } from './builders.ts'
import { type ChaosMount, chaosMount, type PlannedFailure } from './chaos-mount.ts'
import type { MountUnderTest } from './describe-mount.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)
const mebibyte = 1024 * 1024
const minute = 60_000

/** The entries of a cache's folder. */
export function entriesIn(folder: string): string[] {
  return filesIn(folder).filter((path) => /\/[0-9a-f]{2}\/[0-9a-f]{62}$/.test(path))
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** What a cache before an object store must do, whatever the store is, as tests. */
export function describePayloadCache(name: string, { create, isRemote }: MountUnderTest): void {
  const stack: AsyncDisposable[] = []
  afterEach(async () => {
    for (const each of stack.splice(0).reverse()) await each[Symbol.asyncDispose]()
  })

  const aFolder = async () => {
    const folder = await temporaryFolder()
    stack.push(folder)
    return join(folder.path, 'cache')
  }

  const aFile = async () => {
    const path = await aFolder()
    writeFileSync(path, 'x')
    return path
  }

  /** A registry behind a cache, another one without, and what was asked of the store. */
  const aPlace = async (
    options: {
      readonly cache?: Partial<PayloadCacheOptions>
      readonly failures?: readonly PlannedFailure[]
    } = {},
  ) => {
    const mount: Mount = await create()
    stack.push(mount)
    const folder = options.cache?.folder ?? (await aFolder())
    const cache = new PayloadCache({ reservedBytes: 0, ...options.cache, folder })
    const store = chaosMount(mount, options.failures ?? [])
    const bare = await openRegistry(mount, { mutable: true })
    const registry = await openRegistry(store, { mutable: true, cache })
    const open = async (object = 'x', more: object = {}) => {
      const { body } = await registry.open(object, more)
      return Buffer.from(await bytesOf(body, 1e9))
    }
    return { mount, folder, cache, store, bare, registry, open }
  }

  const payloadReads = (store: ChaosMount) =>
    store.calls.filter(({ operation, key }) => operation === 'read' && key.startsWith('objects/'))

  describe(`payload cache: ${name}`, () => {
    it.each([0, 1, 1000, 256 * 1024, 256 * 1024 + 1, 3 * mebibyte])(
      'gives a payload of %i bytes again without asking the store for it, and ranges of it',
      async (size) => {
        const { store, bare, open, registry } = await aPlace()
        const bytes = Buffer.from(someBytes(size))
        const { sha256 } = await bare.put('x', bytes)
        expect((await open()).equals(bytes)).toBe(true)
        const before = await registry.open('x')
        expect(await bytesOf(before.body, 1e9)).toHaveLength(size)
        expect(before).toMatchObject({ sizeBytes: size, object: { sha256 } })
        const ranges = [
          { start: 0, end: Math.min(1, size) },
          { start: Math.floor(size / 2) },
          { start: Math.max(0, size - 300_000), end: size + 10 },
        ].filter(({ start }) => start === 0 || start < size)
        for (const range of ranges) {
          expect((await open('x', { range })).equals(bytes.subarray(range.start, range.end))).toBe(
            true,
          )
        }
        if (size > 0) {
          const past = registry.open('x', { range: { start: size } })
          await expect(past).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' })
        }
        const wrong = registry.open('x', { range: { start: 2, end: 1 } })
        await expect(wrong).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        expect(payloadReads(store)).toHaveLength(1)
      },
    )

    it('keeps the bytes as they are, with the ETag of the store', async () => {
      const { bare, open, registry, folder } = await aPlace()
      const bytes = someBytes(300_000)
      await bare.put('x', bytes)
      const { etag, body } = await registry.open('x', { cache: false })
      await body.cancel()
      await open()
      const [path = ''] = entriesIn(folder)
      const entry = readFileSync(path)
      expect(entry.subarray(0, bytes.byteLength).equals(bytes)).toBe(true)
      expect(entry.byteLength).toBeLessThan(bytes.byteLength + 1000)
      expect((await registry.open('x')).etag).toBe(etag)
    })

    it('keeps the files of an object each by itself', async () => {
      const { bare, store, registry } = await aPlace()
      await bare.put('x', {
        className: 'pathlib.PosixPath',
        materializer: 'mindtrace.registry.archivers.path_archiver.PathArchiver',
        files: [
          { path: 'a/b.txt', body: text('one') },
          { path: 'c.txt', body: text('two') },
        ],
      })
      const read = async (file: string) =>
        new TextDecoder().decode(await bytesOf((await registry.openFile('x', file)).body, 100))
      for (const _ of [1, 2]) {
        expect(await read('a/b.txt')).toBe('one')
        expect(await read('c.txt')).toBe('two')
      }
      expect(payloadReads(store)).toHaveLength(2)
    })

    it('is never older than the store: overwritten, deleted and written again', async () => {
      const { bare, open, registry } = await aPlace()
      for (let round = 0; round < 3; round++) {
        await bare.put('x', text(`round ${round}`))
        expect(String(await open())).toBe(`round ${round}`)
        expect(String(await open())).toBe(`round ${round}`)
      }
      await bare.delete('x')
      await expect(registry.open('x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await bare.put('x', text('again'))
      expect(String(await open())).toBe('again')
      await registry.put('x', text('by the cached one'))
      expect(String(await open())).toBe('by the cached one')
      expect(String(await open('x', { range: { start: 3, end: 6 } }))).toBe('the')
    })

    it('keeps nothing of what is read in part, cancelled or broken off', async () => {
      const broken = new MindtraceError('UNAVAILABLE', 'the network is gone')
      const { bare, open, registry, folder, store } = await aPlace({
        failures: [
          {
            operation: 'read',
            keyIncludes: 'objects/',
            afterCalls: 3,
            times: 1,
            afterBytes: 700_000,
            error: broken,
          },
        ],
      })
      await bare.put('x', someBytes(2 * mebibyte))
      await open('x', { range: { start: 0, end: 1000 } })
      const { body } = await registry.open('x')
      const reader = body.getReader()
      await reader.read()
      await reader.cancel()
      await registry.open('x').then(({ body }) => body.cancel())
      await expect(open()).rejects.toThrow('the network is gone')
      expect(payloadReads(store)).toHaveLength(4)
      await new Promise((resolve) => setTimeout(resolve, 0))
      expect(entriesIn(folder)).toEqual([])
      expect((await open()).byteLength).toBe(2 * mebibyte)
      expect(entriesIn(folder)).toHaveLength(1)
      expect(filesIn(folder).filter((path) => path.includes('/drafts/'))).toEqual([])
    })

    it('keeps nothing that does not match its hash', async () => {
      const { mount, bare, open, folder } = await aPlace()
      await bare.put('x', text('hello'))
      let key = ''
      for await (const found of mount.list('objects/')) key = found.key
      await mount.write(key, text('hullo'))
      await expect(open()).rejects.toMatchObject({ code: 'CORRUPT' })
      expect(entriesIn(folder)).toEqual([])
    })

    it.each([
      ['a byte is another one', (path: string) => flip(path, 5)],
      ['a byte far in is another one', (path: string) => flip(path, 1_500_000)],
      ['its end is another one', (path: string) => flip(path, statSync(path).size - 20)],
      ['it is cut short', (path: string) => truncateSync(path, statSync(path).size - 1)],
      ['half of it is gone', (path: string) => truncateSync(path, 1_000_000)],
      ['it is empty', (path: string) => truncateSync(path, 0)],
      ['it is longer', (path: string) => writeFileSync(path, 'more', { flag: 'a' })],
      ['it is something else', (path: string) => writeFileSync(path, someBytes(5000, 7))],
    ])('goes to the store when %s, and keeps it anew', async (_, damage) => {
      const { bare, open, folder, store } = await aPlace()
      const bytes = Buffer.from(someBytes(2 * mebibyte + 1234))
      await bare.put('x', bytes)
      await open()
      damage(entriesIn(folder)[0] ?? '')
      const range = { start: 100, end: 2 * mebibyte }
      expect((await open('x', { range })).equals(bytes.subarray(100, 2 * mebibyte))).toBe(true)
      expect(entriesIn(folder)).toEqual([])
      expect((await open()).equals(bytes)).toBe(true)
      damage(entriesIn(folder)[0] ?? '')
      expect((await open()).equals(bytes)).toBe(true)
      await open()
      const reads = payloadReads(store).length
      expect((await open()).equals(bytes)).toBe(true)
      expect(payloadReads(store)).toHaveLength(reads)
    })

    it('does not take the entry of another payload for its own', async () => {
      const { bare, open, folder } = await aPlace()
      await bare.put('x', text('hello'))
      await bare.put('y', text('world'))
      await open('x')
      const [x = ''] = entriesIn(folder)
      await open('y')
      const y = entriesIn(folder).find((path) => path !== x) ?? ''
      writeFileSync(y, readFileSync(x))
      expect(String(await open('y', { range: { start: 0 } }))).toBe('world')
    })

    it('reads on what it has opened when the entry or the folder goes', async () => {
      const { bare, registry, cache } = await aPlace()
      const bytes = Buffer.from(someBytes(2 * mebibyte))
      await bare.put('x', bytes)
      await bytesOf((await registry.open('x')).body, 1e9)
      const { body } = await registry.open('x')
      expect(await cache.clear()).toMatchObject({ payloads: 1 })
      expect(await cache.usage()).toMatchObject({ payloads: 0, sizeBytes: 0 })
      expect(bytes.equals(await bytesOf(body, 1e9))).toBe(true)
    })

    it('takes no more room than it may; what was used last stays', async () => {
      let now = Date.now()
      const { bare, open, folder, cache, store } = await aPlace({
        cache: { maxBytes: 1_000_000, now: () => now },
      })
      const count = isRemote === true ? 16 : 30
      for (let index = 0; index < count; index++) {
        await bare.put(`n/${index}`, someBytes(100_000, index + 1))
      }
      await bare.put('too big', someBytes(1_000_001))
      for (let index = 0; index < count; index++) {
        now += 2 * minute
        await open(`n/${index}`)
        now += 2 * minute
        await open('n/0')
        await cache.settled()
        const total = filesIn(folder).reduce((sum, path) => sum + statSync(path).size, 0)
        expect(total).toBeLessThan(1_001_000)
      }
      await open('too big')
      const reads = payloadReads(store).length
      await open('n/0')
      await open(`n/${count - 1}`)
      await open(`n/${count - 2}`)
      expect(payloadReads(store)).toHaveLength(reads)
      await open('n/1')
      await open('too big')
      expect(payloadReads(store)).toHaveLength(reads + 2)
    })

    it('may be shared, also by readers of one payload at once', async () => {
      const first = await aPlace()
      await first.bare.put('x', someBytes(mebibyte))
      const caches = [1, 2, 3].map(
        () => new PayloadCache({ folder: first.folder, reservedBytes: 0 }),
      )
      const whole = Buffer.from(someBytes(mebibyte))
      const registries = await Promise.all(
        caches.map((cache) => openRegistry(first.mount, { cache })),
      )
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const { body } = await (registries[index % 3] ?? first.registry).open('x')
          expect(whole.equals(await bytesOf(body, 1e9))).toBe(true)
        }),
      )
      for (const cache of caches) await cache.settled()
      expect(entriesIn(first.folder)).toHaveLength(1)
    })

    it.each([
      ['a file', (folder: string) => writeFileSync(folder, 'x')],
      ['not to be made', undefined],
    ])('harms no reader when its folder is %s', async (_, spoil) => {
      const messages: string[] = []
      const log = {
        debug() {},
        info() {},
        error() {},
        warn: (_: object, text: string) => messages.push(text),
      }
      const folder = spoil === undefined ? join(await aFile(), 'cache') : await aFolder()
      spoil?.(folder)
      const { bare, open, cache } = await aPlace({ cache: { folder, log } })
      await bare.put('x', text('hello'))
      for (const _ of [1, 2, 3]) expect(String(await open())).toBe('hello')
      expect(messages).toHaveLength(1)
      expect(await cache.usage()).toMatchObject({ payloads: 0 })
    })

    it('harms no reader when what it has is removed under it', async () => {
      const { bare, open, folder, cache } = await aPlace()
      await bare.put('x', text('hello'))
      await bare.put('y', text('world'))
      await open()
      await cache.settled()
      const { rm } = await import('node:fs/promises')
      await rm(folder, { recursive: true })
      expect(String(await open())).toBe('hello')
      expect(String(await open('y'))).toBe('world')
      expect(String(await open('y'))).toBe('world')
      expect(entriesIn(folder).length).toBeGreaterThan(0)
    })

    it('leaves other files in its folder alone', async () => {
      const { bare, open, folder, cache } = await aPlace({ cache: { maxBytes: 1000 } })
      await bare.put('x', someBytes(900))
      await open()
      writeFileSync(join(folder, 'photo.png'), someBytes(5000))
      writeFileSync(join(folder, 'drafts', 'mine.txt'), 'x')
      await bare.put('y', someBytes(900))
      await open('y')
      await cache.settled()
      await cache.clear()
      const left = filesIn(folder).map((path) => path.slice(folder.length + 1))
      expect(left.toSorted()).toEqual(['CACHEDIR.TAG', 'drafts/mine.txt', 'photo.png'])
    })

    it('is for this user only', async () => {
      const { bare, open, folder } = await aPlace()
      await bare.put('x', text('hello'))
      await open()
      const [path = ''] = entriesIn(folder)
      expect(statSync(folder).mode & 0o077).toBe(0)
      expect(statSync(path).mode & 0o077).toBe(0)
    })

    it('is passed by when somebody wants to know what the store has', async () => {
      const { mount, bare, open, registry } = await aPlace()
      await bare.put('x', text('hello'))
      await open()
      let key = ''
      for await (const found of mount.list('objects/')) key = found.key
      await mount.write(key, text('hullo'))
      expect(String(await open())).toBe('hello')
      await expect(registry.verify('x')).rejects.toMatchObject({ code: 'CORRUPT' })
      await mount.delete(key)
      await expect(registry.open('x', { cache: false })).rejects.toMatchObject({ code: 'CORRUPT' })
      await expect(registry.verify('x')).rejects.toMatchObject({ code: 'CORRUPT' })
    })

    it('knows files that are used in place by what the store says of them', async () => {
      const { mount, folder } = await aPlace()
      const cache = new PayloadCache({ folder, reservedBytes: 0 })
      const store = chaosMount(mount, [])
      const plain = await openRegistry(store, { layout: 'plain', cache })
      const read = async () =>
        new TextDecoder().decode(await bytesOf((await plain.open('photos/a.jpg')).body, 100))
      const reads = () => store.calls.filter(({ operation }) => operation === 'read').length
      await mount.write('photos/a.jpg', text('one'))
      expect([await read(), await read(), reads()]).toEqual(['one', 'one', 1])
      await mount.write('photos/a.jpg', text('two'))
      expect([await read(), await read(), reads()]).toEqual(['two', 'two', 2])
      await mount.delete('photos/a.jpg')
      await expect(plain.open('photos/a.jpg')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })
  })
}

function flip(path: string, position: number): void {
  const bytes = readFileSync(path)
  bytes[position] = (bytes[position] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
