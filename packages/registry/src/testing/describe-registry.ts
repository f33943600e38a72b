import { bytesOf, MindtraceError } from '@mindtrace/core'
import { afterEach, describe, expect, it } from 'vitest'
import type { StagedTarget } from '../direct-uploads.ts'
import type { Artifact } from '../encoding.ts'
import { isFileMount, type Mount } from '../mount.ts'
import { openRegistry, type Registry, type RegistryOptions } from '../registry.ts'
import { aPutItem, someBytes, someStream } from './builders.ts'
import { chaosMount } from './chaos-mount.ts'
import { collect } from './collect.ts'
import type { MountUnderTest } from './describe-mount.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = async (registry: Registry, name: string, version?: string) =>
  new TextDecoder().decode(await bytesOf((await registry.open(name, { version })).body, 1e9))
const keysOf = async (mount: Mount) => (await collect(mount.list(''))).map(({ key }) => key)
const payloadKey = async (mount: Mount) =>
  (await keysOf(mount)).find((key) => key.endsWith('/data.txt')) ?? ''
const lakeOptions = { mutable: true, versionObjects: true }

const full = () => new MindtraceError('STORAGE_FULL', 'disk full')

/** An object of four files, one of them a stream. */
function aFolder(text: string, last: string): Artifact {
  return {
    className: 'pathlib.PosixPath',
    materializer: 'mindtrace.registry.archivers.path_archiver.PathArchiver',
    files: [
      { path: 'b/deep.bin', body: someStream(2_000_000) },
      { path: 'b.txt', body: bytes(text) },
      { path: 'b-c', body: bytes(text) },
      { path: `${last === 'two' ? 'new' : last}.txt`, body: bytes(last) },
    ],
  }
}

/** What a client does that got a place for its upload; undefined for mounts that give none. */
async function uploadTo(
  mount: Mount,
  id: string,
  body: Uint8Array,
): Promise<StagedTarget | undefined> {
  const key = `_direct_uploads/${id}/data.txt`
  await mount.write(key, body)
  if (isFileMount(mount)) {
    const path = await mount.localPath(key)
    return path === undefined ? undefined : { kind: 'local_file', path }
  }
  const [scheme, , , ...prefix] = mount.location.split('/')
  return { kind: scheme === 'gs:' ? 'gcs_object' : 's3_object', path: [...prefix, key].join('/') }
}

/** What objects in a registry must do whatever mount they lie in, as tests. */
export function describeRegistry(name: string, underTest: MountUnderTest): void {
  const mounts: Mount[] = []
  const aMount = async (): Promise<Mount> => {
    const mount = await underTest.create()
    mounts.push(mount)
    return mount
  }
  const stepsTo = (end: number) =>
    Array.from({ length: end }, (_, step) => step).filter(
      (step) => underTest.isRemote !== true || step % 4 === 1,
    )
  const aRegistry = async (options: RegistryOptions = {}) => openRegistry(await aMount(), options)

  describe(`registry: ${name}`, () => {
    afterEach(async () => {
      for (const mount of mounts.splice(0)) await mount[Symbol.asyncDispose]()
    })

    describe('put', () => {
      it('says what it stored', async () => {
        const registry = await aRegistry(lakeOptions)
        const object = await registry.put('vault/cat', bytes('hello'), {
          metadata: { camera: 'line-3' },
          contentType: 'image/png',
        })
        expect(object).toEqual({
          name: 'vault/cat',
          version: '1.0.0',
          sizeBytes: 5,
          sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
          contentType: 'image/png',
          metadata: { camera: 'line-3' },
          className: 'builtins.bytes',
          materializer: 'mindtrace.registry.archivers.builtin_materializers.BytesMaterializer',
          contentHash: '71761546f8987e16329e4d3eb455d6c3e528088733dbb3eb8129135773ab0eac',
          files: ['data.txt'],
        })
        expect(await registry.info('vault/cat')).toEqual(object)
      })

      it('knows when it was stored', async () => {
        const registry = await aRegistry(lakeOptions)
        await registry.put('x', bytes('x'))
        const writtenAt = await registry.writtenAt('x', { version: '1.0.0' })
        expect(Math.abs(Date.parse(writtenAt ?? '') - Date.now())).toBeLessThan(600_000)
        expect(await registry.writtenAt('x', { version: '2.0.0' })).toBeUndefined()
        expect(await registry.writtenAt('none')).toBeUndefined()
      })

      it('gives streams and arrays of the same bytes the same hashes', async () => {
        const registry = await aRegistry()
        const whole = someBytes(2_000_000)
        const fromArray = await registry.put('array', whole)
        const fromStream = await registry.put('stream', new Blob([whole]).stream())
        expect({ ...fromStream, name: '' }).toEqual({ ...fromArray, name: '' })
      })

      it('numbers versions from 1.0.0, after the highest there is', async () => {
        const registry = await aRegistry(lakeOptions)
        const versionOf = async (version?: string) =>
          (await registry.put('x', bytes('x'), { version })).version
        expect(await versionOf()).toBe('1.0.0')
        expect(await versionOf()).toBe('1.0.1')
        expect(await versionOf('v2.0.10')).toBe('2.0.10')
        expect(await versionOf()).toBe('2.0.11')
        expect(await versionOf('1.5')).toBe('1.5.0')
        expect(await registry.versions('x')).toEqual([
          '1.0.0',
          '1.0.1',
          '1.5.0',
          '2.0.10',
          '2.0.11',
        ])
        await expect(versionOf('latest')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      })

      it('always writes 1.0.0 when objects have no versions', async () => {
        const registry = await aRegistry({ mutable: true })
        await registry.put('x', bytes('one'), { version: '7' })
        await registry.put('x', bytes('two'))
        expect(await registry.versions('x')).toEqual(['1.0.0'])
        expect(await read(registry, 'x', '9.9.9')).toBe('two')
      })

      it.each([
        ['immutable', { mutable: false }, undefined, 'DUPLICATE'],
        ['immutable, skip', { mutable: false }, 'skip', 'DUPLICATE'],
        ['immutable, overwrite', { mutable: false }, 'overwrite', 'INVALID_INPUT'],
        ['mutable, skip', { mutable: true }, 'skip', 'DUPLICATE'],
      ] as const)('keeps what is there: %s', async (_, options, onConflict, code) => {
        const registry = await aRegistry(options)
        await registry.put('x', bytes('old'))
        await expect(registry.put('x', bytes('new'), { onConflict })).rejects.toMatchObject({
          code,
        })
        expect(await read(registry, 'x')).toBe('old')
      })

      it('lets an immutable version be written again once it is deleted', async () => {
        const registry = await aRegistry()
        await registry.put('x', bytes('old'))
        await registry.delete('x')
        await registry.put('x', bytes('new'))
        expect(await read(registry, 'x')).toBe('new')
      })

      it.each([
        '',
        '  ',
        ' x',
        'x ',
        'a@b',
        '/x',
        'x/',
        'a//b',
        '../x',
        'a/./b',
        'a\\b',
        'a\nb',
        'a\0b',
        'a%3Ab',
        '_meta_x',
        '_locks_x/y',
        '_direct_uploads/x',
        'registry_metadata.json',
        '.mt-staging/x',
        'x'.repeat(250),
        'é'.repeat(125),
      ])('refuses the name %j', async (name) => {
        const registry = await aRegistry(lakeOptions)
        await expect(registry.put(name, bytes('x'))).rejects.toMatchObject({
          code: 'INVALID_INPUT',
        })
        expect(await collect(registry.list())).toEqual([])
      })

      it.each(['a:b', 'vault/cat', 'a b/ü', 'x_meta_y', 'a/_meta_b', '%', '*', 'x'.repeat(238)])(
        'keeps the name %j',
        async (name) => {
          const registry = await aRegistry(lakeOptions)
          await registry.put(name, bytes('x'))
          await registry.put(name, bytes('y'))
          expect(await collect(registry.list())).toEqual([name])
          expect(await registry.versions(name)).toEqual(['1.0.0', '1.0.1'])
          expect(await read(registry, name)).toBe('y')
        },
      )

      it('writes nothing to a read-only mount, settings included', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, { readOnly: true })
        const refused = { code: 'READ_ONLY' }
        await expect(registry.put('x', bytes('x'))).rejects.toMatchObject(refused)
        await expect(registry.delete('x')).rejects.toMatchObject(refused)
        expect(await registry.putMany([aPutItem()])).toMatchObject([
          { status: 'failed', error: refused },
        ])
        expect(await collect(mount.list(''))).toEqual([])
      })

      it('keeps text as Python str', async () => {
        const registry = await aRegistry()
        await registry.put('x', 'héllo 😀')
        expect(await read(registry, 'x')).toBe('"h\\u00e9llo \\ud83d\\ude00"')
        expect(await registry.text('x')).toBe('héllo 😀')
        await registry.put('y', bytes('"x"'))
        await expect(registry.text('y')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      })
    })

    describe('open', () => {
      it('gives ranges unverified and the whole verified', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount)
        await registry.put('x', bytes('0123456789'))
        const { body, sizeBytes } = await registry.open('x', { range: { start: 2, end: 4 } })
        expect(new TextDecoder().decode(await bytesOf(body, 10))).toBe('23')
        expect(sizeBytes).toBe(10)
        await mount.write(await payloadKey(mount), bytes('0123456780'))
        await expect(read(registry, 'x')).rejects.toMatchObject({ code: 'CORRUPT' })
        const range = { start: 0, end: 3 }
        expect(await bytesOf((await registry.open('x', { range })).body, 10)).toHaveLength(3)
      })

      it('notices one bit of a large payload', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount)
        const payload = someBytes(9_000_000)
        await registry.put('x', payload)
        const whole = await bytesOf((await registry.open('x')).body, 10_000_000)
        expect(Buffer.compare(whole, payload)).toBe(0)
        const changed = payload.slice()
        changed[4_500_000] = (changed[4_500_000] ?? 0) ^ 1
        await mount.write(await payloadKey(mount), changed)
        const { body } = await registry.open('x')
        await expect(bytesOf(body, 10_000_000)).rejects.toMatchObject({ code: 'CORRUPT' })
      })

      it.each([5_000_000, 9_000_000])(
        'cancels the mount when the reader of %i bytes does',
        async (size) => {
          const registry = await aRegistry()
          await registry.put('x', someBytes(size))
          const { body } = await registry.open('x')
          const reader = body.getReader()
          await reader.read()
          await reader.cancel()
        },
      )

      it('says NOT_FOUND, and CORRUPT when only the document is left', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, lakeOptions)
        const missing = { code: 'NOT_FOUND' }
        await expect(registry.open('x')).rejects.toMatchObject(missing)
        await registry.put('x', bytes('x'))
        await expect(registry.open('x', { version: '2' })).rejects.toMatchObject(missing)
        await expect(registry.info('x', { version: '2' })).rejects.toMatchObject(missing)
        await expect(registry.openFile('x', 'y')).rejects.toMatchObject(missing)
        expect(await registry.has('x', { version: '2' })).toBe(false)
        expect(await registry.has('x', { version: 'no version' })).toBe(false)
        expect(await registry.has('x', { version: 'v1' })).toBe(true)
        await mount.delete(await payloadKey(mount))
        const lost = registry.open('x', { version: '1' })
        await expect(lost).rejects.toMatchObject({ code: 'CORRUPT' })
      })

      it('never gives a mix while the object is overwritten', async () => {
        const registry = await aRegistry({ mutable: true })
        await registry.put('x', 'a'.repeat(100_000))
        let isWriting = true
        const writing = (async () => {
          for (let round = 0; round < (underTest.isRemote === true ? 20 : 60); round++) {
            await registry.put('x', (round % 2 === 0 ? 'b' : 'a').repeat(100_000 + round))
          }
          isWriting = false
        })()
        const reading = Array.from({ length: 3 }, async () => {
          while (isWriting) {
            expect(new Set(await registry.text('x')).size).toBe(1)
            await new Promise(setImmediate)
          }
        })
        await Promise.all([writing, ...reading])
      })
    })

    describe('delete', () => {
      it('removes one version, or all, and leaves nothing', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, lakeOptions)
        await registry.put('a/b', bytes('1'))
        await registry.put('a/b', bytes('2'))
        await registry.put('a/b', bytes('3'))
        await registry.delete('a/b', { version: '1.0.1' })
        await registry.delete('a/b', { version: '1.0.1' })
        expect(await registry.versions('a/b')).toEqual(['1.0.0', '1.0.2'])
        await expect(registry.delete('a/b', { version: 'latest' })).rejects.toMatchObject({
          code: 'INVALID_INPUT',
        })
        await registry.delete('a/b')
        expect(await registry.has('a/b')).toBe(false)
        await expect(registry.delete('a/b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
        expect(await keysOf(mount)).toEqual(['registry_metadata.json'])
      })
    })

    describe('putMany', () => {
      it('stores hundreds and answers in order, failures among them', async () => {
        const registry = await aRegistry(lakeOptions)
        await registry.put('n/5', bytes('old'), { version: '1' })
        const items = Array.from({ length: 300 }, (_, index) =>
          aPutItem({ name: index === 7 ? 'bad@name' : `n/${index}`, body: someBytes(100, index) }),
        )
        items[9] = aPutItem({ name: 'n/9', body: someStream(2_000_000) })
        items[11] = aPutItem({ name: 'n/10', body: bytes('second of its name') })
        items[5] = aPutItem({ name: 'n/5', version: '1', onConflict: 'skip' })
        items[6] = aPutItem({ name: 'n/6', body: 'text' })
        const outcomes = await registry.putMany(items)
        expect(outcomes).toHaveLength(300)
        expect(outcomes[5]).toMatchObject({ status: 'skipped', object: { sizeBytes: 3 } })
        expect(outcomes[6]).toMatchObject({
          status: 'stored',
          object: { className: 'builtins.str' },
        })
        expect(outcomes[7]).toMatchObject({ status: 'failed', error: { code: 'INVALID_INPUT' } })
        expect(outcomes[9]).toMatchObject({ status: 'stored', object: { sizeBytes: 2_000_000 } })
        expect(outcomes[10]).toMatchObject({ object: { version: '1.0.0' } })
        expect(outcomes[11]).toMatchObject({ object: { version: '1.0.1' } })
        for (const [index, outcome] of outcomes.entries()) {
          if ([5, 7].includes(index)) continue
          expect(outcome.status).toBe('stored')
          if (outcome.status !== 'failed') {
            const { name, version } = outcome.object
            expect(await registry.verify(name, { version })).toBe(true)
          }
        }
      })

      it('overwrites in mutable registries', async () => {
        const registry = await aRegistry({ mutable: true })
        const put = (body: string) => registry.putMany([aPutItem({ name: 'x', body: bytes(body) })])
        expect(await put('one')).toMatchObject([{ status: 'stored' }])
        expect(await put('two')).toMatchObject([{ status: 'overwritten' }])
        expect(await read(registry, 'x')).toBe('two')
      })

      it('stops on abort and keeps what is complete', async () => {
        const registry = await aRegistry()
        const controller = new AbortController()
        const items = Array.from({ length: 500 }, (_, index) => aPutItem({ name: `n/${index}` }))
        const putting = registry.putMany(items, { signal: controller.signal })
        setTimeout(() => controller.abort(new Error('stop')), 2)
        await putting.catch((error: unknown) => expect(error).toMatchObject({ message: 'stop' }))
        for await (const name of registry.list()) expect(await registry.verify(name)).toBe(true)
      })
    })

    describe('objects of several files', () => {
      it('are stored, hashed and opened file by file', async () => {
        const registry = await aRegistry(lakeOptions)
        const object = await registry.put('a/folder', aFolder('one', 'two'))
        expect(object).toMatchObject({
          className: 'pathlib.PosixPath',
          files: ['b-c', 'b.txt', 'b/deep.bin', 'new.txt'],
          sizeBytes: 6 + 2_000_000 + 3,
          sha256: undefined,
        })
        expect(await registry.verify('a/folder')).toBe(true)
        const opened = await registry.openFile('a/folder', 'b/deep.bin')
        expect(await bytesOf(opened.body, 1e9)).toHaveLength(2_000_000)
        await expect(registry.open('a/folder')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        const none = registry.openFile('a/folder', 'none')
        await expect(none).rejects.toMatchObject({ code: 'NOT_FOUND' })
      })

      it('are replaced whole, and leave nothing when they are deleted', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, { mutable: true })
        await registry.put('x', aFolder('one', 'new'))
        await registry.put('x', aFolder('two', 'other'))
        expect((await registry.info('x')).files).toContain('other.txt')
        expect(await registry.verify('x')).toBe(true)
        const payloads = (await keysOf(mount)).filter((key) => !/^(?:_meta_|registry)/.test(key))
        expect(payloads).toHaveLength(4)
        await registry.put('x', bytes('one file'))
        expect(await registry.verify('x')).toBe(true)
        await registry.put('x', aFolder('three', 'new'))
        expect(await registry.verify('x')).toBe(true)
        await registry.delete('x')
        expect(await keysOf(mount)).toEqual(['registry_metadata.json'])
      })

      it('are old or new, never a mix, when an overwrite fails at any step', async () => {
        for (const operation of ['write', 'publish', 'stage', 'read', 'delete'] as const) {
          for (const step of stepsTo(12)) {
            const mount = await aMount()
            const whole = await openRegistry(mount, { mutable: true })
            await whole.put('x', aFolder('old', 'old'))
            const chaos = chaosMount(mount, [
              { operation, afterCalls: step, times: 1000, error: full },
            ])
            const registry = await openRegistry(chaos).catch(() => undefined)
            const outcome = await registry?.put('x', aFolder('new', 'new')).then(
              () => 'new.txt',
              () => undefined,
            )
            const { files } = await whole.info('x')
            if (outcome !== undefined) expect(files).toContain(outcome)
            expect(await whole.verify('x')).toBe(true)
            const state = files.includes('new.txt') ? 'new' : 'old'
            const { body } = await whole.openFile('x', 'b.txt')
            expect(new TextDecoder().decode(await bytesOf(body, 100))).toBe(state)
            for await (const _ of whole.collectGarbage({ olderThanMs: -90_000_000 }));
            expect(await whole.verify('x')).toBe(true)
            const left = (await keysOf(mount)).filter((key) => /\/b(?:-c|\.txt)$/.test(key))
            expect(left).toHaveLength(2)
          }
        }
      })
    })

    describe('direct uploads', () => {
      it('become objects, hashed and compared with what was announced', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, lakeOptions)
        const target = await uploadTo(mount, 'upload_1', bytes('hello'))
        if (target === undefined) return
        expect(await registry.uploads.inspect(target)).toMatchObject({ sizeBytes: 5 })
        const wrong = registry.uploads.commit('x', target, { expected: { sizeBytes: 6 } })
        await expect(wrong).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
        const other = registry.uploads.commit('x', target, {
          expected: { sha256: sha256.replace('2', '3') },
        })
        await expect(other).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        expect(await registry.has('x')).toBe(false)
        const object = await registry.uploads.commit('x', target, {
          metadata: { camera: 1 },
          contentType: 'text/plain',
          expected: { sizeBytes: 5, sha256 },
        })
        expect(object).toMatchObject({ version: '1.0.0', sha256, metadata: { camera: 1 } })
        expect(await registry.verify('x')).toBe(true)
        expect(await read(registry, 'x')).toBe('hello')
        expect(await registry.uploads.inspect(target)).toBeUndefined()
        const gone = registry.uploads.commit('x', target)
        await expect(gone).rejects.toMatchObject({ code: 'NOT_FOUND' })
        expect((await keysOf(mount)).filter((key) => /_direct|_staging/.test(key))).toEqual([])
      })

      it('wait in a place of their own, which no other path can be taken for', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount, lakeOptions)
        await registry.put('x', bytes('x'))
        const target = await uploadTo(mount, 'u', bytes('hello'))
        if (target === undefined) return
        const { kind, path } = target
        const others = [
          path.replace('/u/', '/../x/1.0.0/'),
          path.replace('_direct_uploads/u', 'x/1.0.0'),
          `/etc/${path}`,
          path.replace('data.txt', 'other.txt'),
          `/elsewhere/_direct_uploads/u/data.txt`,
          '',
        ]
        for (const other of others) {
          const wrong = { kind, path: other }
          const refused = { code: 'INVALID_INPUT' }
          await expect(registry.uploads.inspect(wrong)).rejects.toMatchObject(refused)
          await expect(registry.uploads.commit('y', wrong)).rejects.toMatchObject(refused)
          await expect(registry.uploads.discard(wrong)).rejects.toMatchObject(refused)
        }
        await registry.uploads.discard({ kind, path })
        await registry.uploads.discard({ kind, path })
        expect(await registry.uploads.inspect({ kind, path })).toBeUndefined()
        for (const id of ['', '../x', 'a/b', 'a.b', 'x'.repeat(129)]) {
          const options = { contentType: 'text/plain', expiresInMs: 1000 }
          await expect(registry.uploads.begin(id, options)).rejects.toMatchObject({
            code: 'INVALID_INPUT',
          })
        }
      })

      it('keep what cannot be stored', async () => {
        const mount = await aMount()
        const registry = await openRegistry(mount)
        await registry.put('x', bytes('x'))
        const target = await uploadTo(mount, 'u', bytes('hello'))
        if (target === undefined) return
        const taken = registry.uploads.commit('x', target)
        await expect(taken).rejects.toMatchObject({ code: 'DUPLICATE' })
        expect(await registry.uploads.inspect(target)).toBeDefined()
        expect((await registry.uploads.commit('y', target)).sizeBytes).toBe(5)
        expect(await read(registry, 'x')).toBe('x')
      })
    })

    it('collects what no object owns, once it is old enough', async () => {
      const mount = await aMount()
      const registry = await openRegistry(mount, lakeOptions)
      await registry.put('a/b', bytes('kept'))
      await registry.put('a/folder', aFolder('one', 'two'))
      await uploadTo(mount, 'abandoned', bytes('hello'))
      const before = await keysOf(mount)
      expect(await collect(registry.collectGarbage({ olderThanMs: 3_600_000 }))).toEqual([])
      const dry = await collect(registry.collectGarbage({ olderThanMs: -1000, dryRun: true }))
      expect(dry).toEqual([{ key: '_direct_uploads/abandoned/data.txt', sizeBytes: 5 }])
      expect(await keysOf(mount)).toEqual(before)
      expect(await collect(registry.collectGarbage({ olderThanMs: -1000 }))).toEqual(dry)
      expect(await keysOf(mount)).toHaveLength(before.length - 1)
      expect(await registry.verify('a/b')).toBe(true)
      expect(await registry.verify('a/folder')).toBe(true)
    })

    describe('a failing mount', () => {
      it.each(['data.txt', '_meta_', 'registry_metadata'])(
        'leaves no half object when the write of %s fails',
        async (keyIncludes) => {
          const mount = await aMount()
          const isPublished = isFileMount(mount) && keyIncludes !== 'registry_metadata'
          const operation = isPublished ? 'publish' : 'write'
          const chaos = chaosMount(mount, [{ operation, keyIncludes, error: full, times: 1 }])
          const registry = await openRegistry(chaos, lakeOptions)
          await expect(registry.put('x', bytes('one'))).rejects.toMatchObject({
            code: 'STORAGE_FULL',
          })
          expect(await registry.versions('x')).toEqual([])
          expect((await keysOf(mount)).filter((key) => key.includes('data.txt'))).toEqual([])
          expect((await registry.put('x', bytes('two'))).version).toBe('1.0.0')
          expect(await read(registry, 'x')).toBe('two')
        },
      )

      it('keeps the old object when an overwrite fails at any step', async () => {
        for (const step of stepsTo(6)) {
          for (const operation of ['write', 'publish', 'stage', 'read', 'head'] as const) {
            const mount = await aMount()
            const whole = await openRegistry(mount, { mutable: true })
            await whole.put('x', 'old', { metadata: { state: 'old' } })
            const failures = [{ operation, afterCalls: step, times: 1, error: full }]
            const registry = await openRegistry(
              chaosMount(mount, operation === 'read' ? [] : failures),
            )
            const outcome = await registry.put('x', 'new!', { metadata: { state: 'new!' } }).then(
              () => 'new!',
              () => 'either',
            )
            const seen = await whole.text('x')
            expect(['old', 'new!']).toContain(seen)
            if (outcome === 'new!') expect(seen).toBe('new!')
            const { metadata, sizeBytes } = await whole.info('x')
            expect({ metadata, sizeBytes }).toEqual({
              metadata: { state: seen },
              sizeBytes: seen.length + 2,
            })
            await whole.put('x', 'last')
            expect(await whole.text('x')).toBe('last')
          }
        }
      })

      it('breaks off with the error of the source', async () => {
        const registry = await aRegistry()
        const chaos = chaosMount(registry.mount, [
          {
            operation: isFileMount(registry.mount) ? 'stage' : 'write',
            keyIncludes: isFileMount(registry.mount) ? '' : 'objects/',
            afterBytes: 1000,
            error: full,
          },
        ])
        const failing = await openRegistry(chaos)
        await expect(failing.put('x', someStream(3_000_000))).rejects.toMatchObject({
          code: 'STORAGE_FULL',
        })
        expect(await registry.has('x')).toBe(false)
      })
    })

    it('calls unreadable settings CORRUPT instead of starting anew', async () => {
      const mount = await aMount()
      await mount.write('registry_metadata.json', bytes('{"mutable": tr'))
      await expect(openRegistry(mount)).rejects.toMatchObject({ code: 'CORRUPT' })
    })

    it('completes settings and keeps what else is in their document', async () => {
      const mount = await aMount()
      await mount.write(
        'registry_metadata.json',
        bytes('{"materializers": {"a.B": "c.D"}, "x": 1}'),
      )
      const registry = await openRegistry(mount, { versionObjects: true })
      await registry.put('x', bytes('x'))
      const text = new TextDecoder().decode(
        await bytesOf((await mount.read('registry_metadata.json')).body, 1e6),
      )
      expect(JSON.parse(text)).toEqual({
        materializers: { 'a.B': 'c.D' },
        x: 1,
        version_objects: true,
        mutable: false,
        version_digits: 3,
      })
    })
  })
}
