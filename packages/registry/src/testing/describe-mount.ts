import { type ByteStream, bytesOf, isMindtraceError } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import { isFileMount, isObjectMount, type Mount } from '../mount.ts'
import { someBytes, someStream } from './builders.ts'
import { collect } from './collect.ts'
import { describeObjectMount } from './describe-object-mount.ts'

/** A mount as the conformance suite uses it. */
export interface MountUnderTest {
  /** A mount of its own for one test, with nothing in it. Disposing it removes what it holds. */
  readonly create: () => Promise<Mount> | Mount
  /**
   * A mount whose place (its folder, its bucket) is not there yet. With `missingBucket` it must be named by what can't
   * be read; a folder that is missing is an empty one. Default: the place of the mount is always there.
   */
  readonly createMissing?: (() => MissingMount | Promise<MissingMount>) | undefined
  /** Whether all bytes of the mount are in memory, so that constant memory can't be asked of it. Default false. */
  readonly keepsBytesInMemory?: boolean | undefined
  /** Whether requests that an object mount signs reach a store that checks them. Default true. */
  readonly signsRequests?: boolean | undefined
  /**
   * Whether calls go over a network: then loops over every point of failure, which have nothing to do with
   * the mount, take some of them. Default false.
   */
  readonly isRemote?: boolean | undefined
}

type MissingMount = Mount & { readonly missingBucket?: string | undefined }

const text = (bytes: string) => new TextEncoder().encode(bytes)
const read = async (mount: Mount, key: string, range?: { start: number; end?: number }) =>
  new TextDecoder().decode(await bytesOf((await mount.read(key, { range })).body, 1e9))
const keysOf = async (mount: Mount, prefix = '') =>
  (await collect(mount.list(prefix))).map(({ key }) => key)

/** What every mount must do, as tests. A bug found in one driver becomes a case here. */
export function describeMount(name: string, underTest: MountUnderTest): void {
  const inMount = (test: (mount: Mount) => Promise<void>) => async () => {
    await using mount = await underTest.create()
    await test(mount)
  }

  describe(`mount: ${name}`, () => {
    describe('bytes', () => {
      it(
        'gives back what was written, counted and hashed',
        inMount(async (mount) => {
          const written = await mount.write('a/b.txt', text('hello'))
          expect(written).toMatchObject({
            sizeBytes: 5,
            sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
          })
          expect(await read(mount, 'a/b.txt')).toBe('hello')
          expect(await mount.head('a/b.txt')).toMatchObject({
            key: 'a/b.txt',
            sizeBytes: 5,
            etag: written.etag,
          })
        }),
      )

      it(
        'keeps empty objects',
        inMount(async (mount) => {
          expect(await mount.write('bytes', new Uint8Array())).toMatchObject({ sizeBytes: 0 })
          expect(await mount.write('stream', someStream(0))).toMatchObject({ sizeBytes: 0 })
          expect(await read(mount, 'bytes')).toBe('')
          expect(await read(mount, 'stream')).toBe('')
        }),
      )

      it(
        'stores streams of odd chunks as they are',
        inMount(async (mount) => {
          const whole = someBytes(3_000_017)
          const chunks = [0, 1, 2, 70_001, 70_001, 2_999_999, 3_000_017]
          const body = new ReadableStream<Uint8Array>({
            start(controller) {
              for (const [index, end] of chunks.entries()) {
                controller.enqueue(whole.slice(chunks[index - 1] ?? 0, end))
              }
              controller.close()
            },
          })
          const fromStream = await mount.write('stream', body)
          const fromBytes = await mount.write('bytes', whole)
          expect(fromStream.sha256).toBe(fromBytes.sha256)
          expect(await bytesOf((await mount.read('stream')).body, 1e9)).toEqual(whole)
        }),
      )

      it(
        'does not keep the array it was given',
        inMount(async (mount) => {
          const bytes = text('old')
          await mount.write('a', bytes)
          bytes.fill(0)
          expect(await read(mount, 'a')).toBe('old')
        }),
      )

      it(
        'answers NOT_FOUND for an absent key and undefined for its facts',
        inMount(async (mount) => {
          await expect(mount.read('a/b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
          expect(await mount.head('a/b')).toBeUndefined()
          await mount.write('a/b/c', text('x'))
          await expect(mount.read('a/b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
          expect(await mount.head('a/b')).toBeUndefined()
          expect(await mount.head('a/b/c/d')).toBeUndefined()
        }),
      )
    })

    it(
      'answers a ping, also before the first write',
      inMount(async (mount) => {
        await mount.ping()
        await mount.write('a', text('x'))
        await mount.ping()
        const aborted = AbortSignal.abort(new Error('enough'))
        await expect(mount.ping({ signal: aborted })).rejects.toThrow('enough')
      }),
    )

    it(
      'says whether its place is there',
      inMount(async (mount) => {
        await mount.write('a', text('x'))
        expect(await mount.isThere()).toBe(true)
      }),
    )

    const { createMissing } = underTest
    if (createMissing !== undefined) {
      it('has nothing before its place is there, and makes it by the first write', async () => {
        await using mount = await createMissing()
        const name = mount.missingBucket
        expect(await mount.isThere()).toBe(false)
        expect(await mount.head('a')).toBeUndefined()
        await mount.delete('a')
        if (isObjectMount(mount)) await mount.deleteMany(['a', 'b', 'c'])
        expect(await mount.sweep({ olderThanMs: 0 })).toBe(0)
        await expect(mount.read('a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
        const lists = [() => collect(mount.list('')), () => collect(mount.listFolder(''))]
        if (name === undefined) {
          for (const list of lists) expect(await list()).toEqual([])
        } else {
          const missing = { code: 'NOT_FOUND', message: expect.stringContaining(`'${name}'`) }
          for (const list of lists) await expect(list()).rejects.toMatchObject(missing)
        }
        expect(await mount.isThere()).toBe(false)
        await mount.write('a', text('x'))
        expect(await mount.isThere()).toBe(true)
        expect(await keysOf(mount)).toEqual(['a'])
      })
    }

    describe('ranges', () => {
      it(
        'gives the asked piece, cut to the size, and the size of the whole',
        inMount(async (mount) => {
          await mount.write('a', text('0123456789'))
          expect(await read(mount, 'a', { start: 2, end: 5 })).toBe('234')
          expect(await read(mount, 'a', { start: 7 })).toBe('789')
          expect(await read(mount, 'a', { start: 8, end: 99 })).toBe('89')
          expect(await read(mount, 'a', { start: 3, end: 3 })).toBe('')
          const { body, sizeBytes } = await mount.read('a', { range: { start: 1, end: 2 } })
          expect(sizeBytes).toBe(10)
          await body.cancel()
        }),
      )

      it(
        'reads pieces of big objects',
        inMount(async (mount) => {
          const whole = someBytes(2_500_000)
          await mount.write('a', whole)
          const { body } = await mount.read('a', { range: { start: 600_001, end: 2_400_001 } })
          expect(await bytesOf(body, 1e9)).toEqual(whole.slice(600_001, 2_400_001))
        }),
      )

      it(
        'refuses a start past the end and bounds that are none',
        inMount(async (mount) => {
          await mount.write('a', text('0123'))
          const refusal = (start: number, end?: number) =>
            expect(mount.read('a', { range: { start, end } })).rejects
          await refusal(4).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' })
          await refusal(-1).toMatchObject({ code: 'INVALID_INPUT' })
          await refusal(3, 2).toMatchObject({ code: 'INVALID_INPUT' })
          await refusal(0.5).toMatchObject({ code: 'INVALID_INPUT' })
        }),
      )
    })

    describe('keys', () => {
      it.each([
        'a b',
        'a:b',
        'a/b:c/d',
        '%41',
        'ünï/cödé 😀',
        '~',
        '-',
        'a..b',
        '...',
        '*?[x]',
        'quote\'"',
        'x'.repeat(255),
      ])('keeps %j', async (key) => {
        await using mount = await underTest.create()
        await mount.write(key, text('x'))
        expect(await read(mount, key)).toBe('x')
        expect(await keysOf(mount)).toEqual([key])
        await mount.delete(key)
        expect(await keysOf(mount)).toEqual([])
      })

      it.each([
        ['', 'empty'],
        ['/etc/passwd', 'absolute'],
        ['a//b', 'an empty segment'],
        ['a/', 'an empty segment'],
        ['.', 'a dot segment'],
        ['..', 'a dot segment'],
        ['../x', 'a dot segment'],
        ['a/../../x', 'a dot segment'],
        ['a/./x', 'a dot segment'],
        ['a\\..\\x', 'a backslash'],
        ['a\0b', 'NUL'],
        ['\ud800', 'half a surrogate pair'],
        ['x'.repeat(256), 'a segment of 256 bytes'],
        ['é'.repeat(128), 'a segment of 256 bytes in UTF-8'],
        [`${'x'.repeat(200)}/`.repeat(6).slice(0, -1), 'more than 1024 bytes'],
      ])('refuses %j: %s', async (key) => {
        await using mount = await underTest.create()
        const refused = { code: 'INVALID_INPUT' }
        let isCancelled = false
        const body = new ReadableStream<Uint8Array>({
          cancel() {
            isCancelled = true
          },
        })
        await expect(mount.write(key, body)).rejects.toMatchObject(refused)
        expect(isCancelled).toBe(true)
        await expect(mount.read(key)).rejects.toMatchObject(refused)
        await expect(mount.head(key)).rejects.toMatchObject(refused)
        await expect(mount.delete(key)).rejects.toMatchObject(refused)
      })

      it(
        'refuses prefixes that leave the mount',
        inMount(async (mount) => {
          for (const prefix of ['../', '/etc', 'a/../..', 'a/../b', 'a\0']) {
            await expect(keysOf(mount, prefix)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
          }
        }),
      )

      it(
        'tells the normal forms of a character apart',
        inMount(async (mount) => {
          await mount.write('caf\u00e9', text('composed'))
          await mount.write('cafe\u0301', text('decomposed'))
          expect(await read(mount, 'caf\u00e9')).toBe('composed')
          expect(await read(mount, 'cafe\u0301')).toBe('decomposed')
          expect(await keysOf(mount)).toEqual(['cafe\u0301', 'caf\u00e9'])
        }),
      )
    })

    describe('lists', () => {
      const keys = ['a-b', 'a.b', 'a/b', 'a/b-c/d', 'a/b/c', 'a0', 'ab', 'b', 'z\u{ff5e}', 'z😀']

      it(
        'come in the order of UTF-8 bytes, folders among objects',
        inMount(async (mount) => {
          const written = keys.filter((key) => key !== 'a/b')
          for (const key of written.toReversed()) await mount.write(key, text(key))
          expect(await keysOf(mount)).toEqual(written)
          const sizes = await collect(mount.list('a-'))
          expect(sizes).toMatchObject([{ key: 'a-b', sizeBytes: 3 }])
        }),
      )

      it(
        'take any prefix, also one that ends within a segment',
        inMount(async (mount) => {
          for (const key of ['a/b/c', 'a/bc', 'a/x', 'ab/c', 'b']) await mount.write(key, text('x'))
          expect(await keysOf(mount, 'a')).toEqual(['a/b/c', 'a/bc', 'a/x', 'ab/c'])
          expect(await keysOf(mount, 'a/')).toEqual(['a/b/c', 'a/bc', 'a/x'])
          expect(await keysOf(mount, 'a/b')).toEqual(['a/b/c', 'a/bc'])
          expect(await keysOf(mount, 'a/b/c')).toEqual(['a/b/c'])
          expect(await keysOf(mount, 'nothing/at/all')).toEqual([])
        }),
      )

      it(
        'of one level give objects and folders',
        inMount(async (mount) => {
          for (const key of ['a/b/c', 'a/b/d', 'a/b-', 'a/x', 'ab'])
            await mount.write(key, text('x'))
          expect(await collect(mount.listFolder('a/'))).toEqual([
            { kind: 'object', key: 'a/b-' },
            { kind: 'folder', key: 'a/b/' },
            { kind: 'object', key: 'a/x' },
          ])
          expect(await collect(mount.listFolder(''))).toEqual([
            { kind: 'folder', key: 'a/' },
            { kind: 'object', key: 'ab' },
          ])
          expect(await collect(mount.listFolder('nothing/'))).toEqual([])
        }),
      )

      it(
        'may be left early',
        inMount(async (mount) => {
          for (const key of ['a', 'b', 'c']) await mount.write(key, text('x'))
          for await (const { key } of mount.list('')) {
            expect(key).toBe('a')
            break
          }
        }),
      )
    })

    describe('writes', () => {
      it(
        'create only when asked to, decided by the store',
        inMount(async (mount) => {
          await mount.write('a', text('old'), { ifAbsent: true })
          await expect(mount.write('a', text('new'), { ifAbsent: true })).rejects.toMatchObject({
            code: 'PRECONDITION_FAILED',
          })
          await expect(
            mount.write('a', someStream(5_000_000), { ifAbsent: true }),
          ).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' })
          expect(await read(mount, 'a')).toBe('old')
        }),
      )

      it(
        'have one winner among parallel creators',
        inMount(async (mount) => {
          const outcomes = await Promise.allSettled(
            Array.from({ length: 20 }, (_, index) =>
              mount.write('deep/er/a', text(`writer ${index}`), { ifAbsent: true }),
            ),
          )
          const winners = outcomes.flatMap(({ status }, index) =>
            status === 'fulfilled' ? [index] : [],
          )
          expect(winners).toHaveLength(1)
          expect(await read(mount, 'deep/er/a')).toBe(`writer ${winners[0]}`)
        }),
      )

      it(
        'show readers the old or the new bytes, never a mix',
        inMount(async (mount) => {
          const versions = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(700_000))
          await mount.write('x', text(versions[0] ?? ''))
          let isWriting = true
          const writing = (async () => {
            for (let round = 0; round < 12; round++) {
              await mount.write('x', text(versions[round % versions.length] ?? ''))
            }
            isWriting = false
          })()
          const reading = Array.from({ length: 3 }, async () => {
            while (isWriting) {
              const seen = await read(mount, 'x')
              expect(versions.includes(seen)).toBe(true)
            }
          })
          await Promise.all([writing, ...reading])
        }),
      )

      it(
        'leave an open reader what it opened',
        inMount(async (mount) => {
          const old = someBytes(2_000_000, 1)
          await mount.write('x', old)
          const opened = await mount.read('x')
          await mount.write('x', someBytes(2_000_000, 2))
          expect(await bytesOf(opened.body, 1e9)).toEqual(old)
          const again = await mount.read('x')
          await mount.delete('x')
          expect(await bytesOf(again.body, 1e9)).toEqual(someBytes(2_000_000, 2))
        }),
      )

      it(
        'change the etag, reads do not',
        inMount(async (mount) => {
          const first = await mount.write('x', text('1'))
          expect((await mount.head('x'))?.etag).toBe(first.etag)
          const second = await mount.write('x', text('2'))
          expect(second.etag).not.toBe(first.etag)
        }),
      )

      it(
        'that fail leave the old bytes and nothing beside them',
        inMount(async (mount) => {
          await mount.write('x', text('old'))
          const failure = new Error('the source broke')
          await expect(mount.write('x', failing(2_000_000, failure))).rejects.toBe(failure)
          await expect(mount.write('y', failing(10, failure))).rejects.toBe(failure)
          expect(await read(mount, 'x')).toBe('old')
          expect(await keysOf(mount)).toEqual(['x'])
          expect(await mount.sweep({ olderThanMs: 0 })).toBe(0)
        }),
      )

      it(
        'that are aborted throw the reason, cancel the stream and leave nothing',
        inMount(async (mount) => {
          const controller = new AbortController()
          const reason = new Error('stop')
          let isCancelled = false
          const endless = new ReadableStream<Uint8Array>({
            pull(stream) {
              stream.enqueue(new Uint8Array(100_000))
              if (Math.random() < 0.05) controller.abort(reason)
            },
            cancel() {
              isCancelled = true
            },
          })
          const { signal } = controller
          await expect(mount.write('x', endless, { signal })).rejects.toBe(reason)
          expect(isCancelled).toBe(true)
          await expect(mount.write('y', text('y'), { signal })).rejects.toBe(reason)
          isCancelled = false
          const late = new ReadableStream<Uint8Array>({
            cancel() {
              isCancelled = true
            },
          })
          await expect(mount.write('z', late, { signal })).rejects.toBe(reason)
          expect(isCancelled).toBe(true)
          await expect(mount.read('y', { signal })).rejects.toBe(reason)
          expect(await keysOf(mount)).toEqual([])
          expect(await mount.sweep({ olderThanMs: 0 })).toBe(0)
        }),
      )

      it(
        'of many run side by side',
        inMount(async (mount) => {
          const keys = Array.from({ length: 200 }, (_, index) => `f${index % 7}/k${index}`)
          await Promise.all(keys.map((key) => mount.write(key, text(key))))
          for (const key of keys) expect(await read(mount, key)).toBe(key)
          expect((await keysOf(mount)).length).toBe(200)
        }),
      )
    })

    describe('deletes', () => {
      it(
        'may be repeated, and leave no empty folders behind',
        inMount(async (mount) => {
          await mount.write('a/b/c', text('x'))
          await mount.delete('a/b/c')
          await mount.delete('a/b/c')
          await mount.delete('never/was')
          expect(await collect(mount.listFolder(''))).toEqual([])
          await mount.write('a/b/c', text('again'))
          expect(await read(mount, 'a/b/c')).toBe('again')
        }),
      )

      it(
        'do not disturb writers of the same folder',
        inMount(async (mount) => {
          await Promise.all(
            Array.from({ length: 50 }, async (_, index) => {
              await mount.write(`a/b/${index}`, text('x'))
              if (index % 2 === 0) await mount.delete(`a/b/${index}`)
            }),
          )
          expect((await keysOf(mount)).length).toBe(25)
        }),
      )
    })

    if (underTest.keepsBytesInMemory !== true) {
      it(
        'streams 256 MiB in constant memory',
        inMount(async (mount) => {
          const size = 256 * 1024 * 1024
          let peak = 0
          const before = process.memoryUsage().rss
          const watch = setInterval(() => {
            peak = Math.max(peak, process.memoryUsage().rss - before)
          }, 5)
          try {
            await mount.write('big', someStream(size, 256 * 1024))
            let seen = 0
            for await (const chunk of (await mount.read('big')).body) seen += chunk.byteLength
            expect(seen).toBe(size)
          } finally {
            clearInterval(watch)
          }
          expect(peak).toBeLessThan(128 * 1024 * 1024)
        }),
        // fake-gcs-server hashes all it has so far again with every chunk.
        120_000,
      )
    }

    describe('file mounts', () => {
      it(
        'name staged bytes later, and drop them unless named',
        inMount(async (mount) => {
          if (!isFileMount(mount)) return
          await using dropped = await mount.stage(text('dropped'))
          expect(dropped.sizeBytes).toBe(7)
          await using one = await mount.stage(text('one'))
          let seen = 0
          const onChunk = (chunk: Uint8Array) => {
            seen += chunk.byteLength
          }
          await using two = await mount.stage(someStream(1_500_000), { onChunk })
          expect(seen).toBe(1_500_000)
          expect(await keysOf(mount)).toEqual([])
          await mount.write('taken', text('old'))
          const outcomes = await mount.publish([
            { key: 'a/one', staged: one },
            { key: 'taken', staged: dropped, ifAbsent: true },
            { key: 'a/two', staged: two, ifAbsent: true },
          ])
          expect(outcomes.map(({ status }) => status)).toEqual([
            'fulfilled',
            'rejected',
            'fulfilled',
          ])
          expect(await keysOf(mount)).toEqual(['a/one', 'a/two', 'taken'])
          expect(await read(mount, 'taken')).toBe('old')
        }),
      )

      it(
        'give a lock to one holder at a time',
        inMount(async (mount) => {
          if (!isFileMount(mount)) return
          const first = await mount.lock('a/b@1.0.0')
          expect(first?.isHeld()).toBe(true)
          expect(await mount.isLocked('a/b@1.0.0')).toBe(true)
          expect(await mount.lock('a/b@1.0.0')).toBeUndefined()
          const waiting = mount.lock('a/b@1.0.0', { waitMs: 10_000 })
          await using other = await mount.lock('a/b@1.0.1')
          expect(other).toBeDefined()
          await first?.[Symbol.asyncDispose]()
          await using second = await waiting
          expect(second?.isHeld()).toBe(true)
          expect(first?.isHeld()).toBe(false)
          await second?.[Symbol.asyncDispose]()
          expect(await mount.isLocked('a/b@1.0.0')).toBe(false)
        }),
      )

      it(
        'lock so that read-then-write loses nothing',
        inMount(async (mount) => {
          if (!isFileMount(mount)) return
          await mount.write('count', text('0'))
          await Promise.all(
            Array.from({ length: 20 }, async () => {
              await using lock = await mount.lock('count', { waitMs: 20_000 })
              expect(lock).toBeDefined()
              const count = Number(await read(mount, 'count'))
              await mount.write('count', text(String(count + 1)), { durability: 'none' })
            }),
          )
          expect(await read(mount, 'count')).toBe('20')
        }),
      )
    })

    describe('object mounts', () => describeObjectMount(underTest))

    it('reports errors of its own class', async () => {
      await using mount = await underTest.create()
      const error = await mount.read('nothing').catch((reason: unknown) => reason)
      expect(isMindtraceError(error)).toBe(true)
    })
  })
}

function failing(afterBytes: number, failure: Error): ByteStream {
  let left = afterBytes
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) throw failure
      controller.enqueue(new Uint8Array(Math.min(left, 100_000)))
      left -= 100_000
    },
  })
}
