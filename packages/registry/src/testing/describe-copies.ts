import { bytesOf, MindtraceError } from '@mindtrace/core'
import { afterEach, describe, expect, it } from 'vitest'
import { isObjectMount, type Mount } from '../mount.ts'
import { openRegistry, type Registry, type RegistryOptions } from '../registry.ts'
import { someBytes, someStream } from './builders.ts'
import { chaosMount, type MountOperation } from './chaos-mount.ts'
import { collect } from './collect.ts'

/** Two mounts for one test, with nothing in them. */
export interface MountsOfCopy {
  readonly from: Mount
  readonly to: Mount
}

/** What {@link describeCopies} runs on. */
export interface CopiesUnderTest {
  readonly create: () => Promise<MountsOfCopy> | MountsOfCopy
  /** Whether the store copies, so that no bytes come here. */
  readonly isByStore: boolean
  /** As of `MountUnderTest`. */
  readonly isRemote?: boolean | undefined
}

const text = (bytes: string) => new TextEncoder().encode(bytes)
const keysOf = async (mount: Mount) => (await collect(mount.list(''))).map(({ key }) => key)
const isPayload = (key: string) =>
  !key.startsWith('_staging/') && /^objects\/|\/\d+\.\d+\.\d+\/[^@]*$/.test(key)
const lakeOptions = { mutable: true, versionObjects: true }

const folder = (state: string) => ({
  className: 'pathlib.PosixPath',
  materializer: 'mindtrace.registry.archivers.path_archiver.PathArchiver',
  files: [
    { path: 'b/deep.bin', body: someStream(1_100_000) },
    { path: 'b-c', body: text(state) },
    { path: 'b.txt', body: text(state) },
  ],
})

/** What copies between two mounts must do, as tests. */
export function describeCopies(name: string, underTest: CopiesUnderTest): void {
  const { isByStore } = underTest
  const mounts: Mount[] = []
  afterEach(async () => {
    for (const mount of mounts.splice(0)) await mount[Symbol.asyncDispose]()
  })
  const someMounts = async () => {
    const made = await underTest.create()
    mounts.push(made.from, made.to)
    return made
  }
  const aPlace = async (options: RegistryOptions = lakeOptions) => {
    const { from, to } = await someMounts()
    const calls = { from: chaosMount(from, []), to: chaosMount(to, []) }
    return {
      mounts: { from, to },
      calls,
      from: await openRegistry(calls.from, lakeOptions),
      to: await openRegistry(calls.to, options),
    }
  }
  const read = async (registry: Registry, object: string, file?: string) => {
    const opened = await (file === undefined
      ? registry.open(object)
      : registry.openFile(object, file))
    return new TextDecoder().decode(await bytesOf(opened.body, 1e9))
  }

  describe(`copies: ${name}`, () => {
    it('keep the bytes, the class, the metadata, the media type and the hashes', async () => {
      const { from, to } = await aPlace()
      const source = await from.put('a/x', someBytes(50_000), {
        metadata: { camera: 'line-3', nested: [1, null] },
        contentType: 'image/png',
      })
      expect(await to.copyFrom(from, 'a/x')).toEqual(source)
      expect(await to.info('a/x')).toEqual(source)
      expect(await to.verify('a/x')).toBe(true)
      const written = await from.put('text', 'héllo', { version: '3' })
      const copied = await to.copyFrom(from, 'text', { target: { name: 'b/text' } })
      expect(copied).toEqual({ ...written, name: 'b/text', version: '1.0.0' })
      expect(await to.text('b/text')).toBe('héllo')
    })

    it('have all files of their source', async () => {
      const { from, to } = await aPlace()
      const source = await from.put('folder', folder('one'), { metadata: { a: 1 } })
      expect(await to.copyFrom(from, 'folder')).toEqual(source)
      expect(await to.verify('folder')).toBe(true)
      expect(await read(to, 'folder', 'b-c')).toBe('one')
    })

    it('follow the policies of their target', async () => {
      const { from, to } = await aPlace()
      await from.put('x', text('one'))
      await from.put('x', text('two'))
      expect((await to.copyFrom(from, 'x', { version: '1' })).version).toBe('1.0.0')
      expect((await to.copyFrom(from, 'x')).version).toBe('1.0.1')
      expect(await read(to, 'x')).toBe('two')
      const pinned = { target: { version: '1' }, onConflict: 'skip' } as const
      const taken = to.copyFrom(from, 'x', pinned)
      await expect(taken).rejects.toMatchObject({ code: 'DUPLICATE' })
      expect(await read(to, 'x')).toBe('two')
      const replaced = await to.copyFrom(from, 'x', { target: { version: '1' } })
      expect(replaced.version).toBe('1.0.0')
      const latest = to.copyFrom(from, 'x', { target: { version: 'latest' } })
      await expect(latest).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      const odd = to.copyFrom(from, 'x', { target: { name: '../x' } })
      await expect(odd).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      const none = to.copyFrom(from, 'none')
      await expect(none).rejects.toMatchObject({ code: 'NOT_FOUND' })
      const payloads = (await keysOf(to.mount)).filter(isPayload)
      expect(payloads).toHaveLength(2)
      expect((await keysOf(to.mount)).filter((key) => key.startsWith('_staging/'))).toEqual([])
    })

    it('leave what is immutable, and need a target that can be written', async () => {
      const { from, to } = await aPlace({})
      await from.put('x', text('one'))
      await to.copyFrom(from, 'x')
      await from.put('x', text('two'))
      await expect(to.copyFrom(from, 'x')).rejects.toMatchObject({ code: 'DUPLICATE' })
      const overwrite = to.copyFrom(from, 'x', { onConflict: 'overwrite' })
      await expect(overwrite).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      expect(await read(to, 'x')).toBe('one')
      const reader = await openRegistry(to.mount, { readOnly: true })
      const refused = reader.copyFrom(from, 'x', { target: { name: 'y' } })
      await expect(refused).rejects.toMatchObject({ code: 'READ_ONLY' })
    })

    it('may stay in one mount, and replace their own source', async () => {
      const { from } = await aPlace()
      const source = await from.put('x', someBytes(2_000_000), { metadata: { a: 1 } })
      const other = await from.copyFrom(from, 'x', { target: { name: 'y' } })
      expect(other).toEqual({ ...source, name: 'y' })
      expect(await from.copyFrom(from, 'x', { target: { version: '1' } })).toEqual(source)
      expect(await from.copyFrom(from, 'x')).toEqual({ ...source, version: '1.0.1' })
      expect(await from.verify('x')).toBe(true)
      expect((await keysOf(from.mount)).filter(isPayload)).toHaveLength(3)
    })

    it(isByStore ? 'move no bytes through here' : 'send each byte once', async () => {
      const { from, to, calls } = await aPlace()
      await to.put('first', text('settings'))
      await from.put('x', someBytes(3_000_000))
      await from.put('folder', folder('one'))
      const seen = [calls.from.calls.length, calls.to.calls.length]
      await to.copyFrom(from, 'x')
      await to.copyFrom(from, 'folder')
      const made = [...calls.from.calls.slice(seen[0]), ...calls.to.calls.slice(seen[1])].filter(
        ({ key }) => isPayload(key),
      )
      const count = (operation: MountOperation) =>
        made.filter((call) => call.operation === operation).length
      expect([count('copy'), count('read')]).toEqual(isByStore ? [4, 0] : [0, 4])
      if (isByStore) expect(count('write')).toBe(0)
    })

    it('take what Python has written, and keep what they do not know', async () => {
      const { from, to, mounts } = await aPlace()
      await from.put('x', text('hello'))
      const [key = ''] = (await keysOf(mounts.from)).filter((each) => each.startsWith('_meta_x'))
      const document = new TextDecoder().decode(
        await bytesOf((await mounts.from.read(key)).body, 1e6),
      )
      const rewrite = async (change: (line: string) => string) =>
        mounts.from.write(key, text(change(document)))
      if (isObjectMount(mounts.from)) {
        await rewrite((json) => {
          const { size_bytes, sha256, ...rest } = JSON.parse(json)
          return JSON.stringify({ ...rest, 'x-theirs': { a: 1 } })
        })
        const hash = (await from.info('x')).contentHash
        expect(await to.copyFrom(from, 'x')).toMatchObject({ sizeBytes: 5, contentHash: hash })
        expect(await to.document('x')).toMatchObject({ 'x-theirs': { a: 1 } })
        await rewrite((json) => {
          const { size_bytes, sha256, hash, ...rest } = JSON.parse(json)
          return JSON.stringify(rest)
        })
      } else {
        await rewrite((yaml) => yaml.replaceAll(/^"?(?:size_bytes|sha256|hash)"?: .*\n/gm, ''))
      }
      expect((await from.info('x')).contentHash).toBeUndefined()
      const copied = await to.copyFrom(from, 'x', { target: { name: 'hashed' } })
      expect(copied).toMatchObject({
        sizeBytes: 5,
        sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
        contentHash: '71761546f8987e16329e4d3eb455d6c3e528088733dbb3eb8129135773ab0eac',
      })
    })

    it('take files that are used in place', async () => {
      const { mounts, to } = await aPlace()
      await mounts.from.write('photos/a.jpg', text('hello'))
      const plain = await openRegistry(mounts.from, { layout: 'plain' })
      expect(await to.copyFrom(plain, 'photos/a.jpg')).toMatchObject({
        name: 'photos/a.jpg',
        files: ['a.jpg'],
        sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      })
      expect(await to.verify('photos/a.jpg')).toBe(true)
    })

    it.each(['v1', 'none'] as const)('have the hash %s where the target wants it', async (form) => {
      const { from, mounts } = await aPlace()
      const to = await openRegistry(mounts.to, { contentHash: form })
      await from.put('x', text('hello'))
      await from.put('folder', folder('one'))
      const copied = await to.copyFrom(from, 'x')
      expect(copied.contentHash).toBe(
        form === 'none'
          ? undefined
          : '9ac5ba36239b10fd9445385068783551b5fad55f09554a011761f81734a81dba',
      )
      await to.copyFrom(from, 'folder')
      expect(await to.verify('folder')).toBe(form === 'v1')
      expect(await read(to, 'folder', 'b.txt')).toBe('one')
      const back = await from.copyFrom(to, 'folder', { target: { name: 'back' } })
      expect(back.contentHash).toBeDefined()
      expect(await from.verify('back')).toBe(true)
    })

    it('are sent where the store does not copy, or not for us', async () => {
      for (const code of ['FORBIDDEN', 'NOT_IMPLEMENTED', 'NOT_FOUND'] as const) {
        const { from: source, to: target } = await someMounts()
        const from = await openRegistry(source, lakeOptions)
        const whole = await from.put('x', someBytes(1_500_000), { metadata: { a: 1 } })
        const folders = await from.put('folder', folder('one'))
        const error = () => new MindtraceError(code, 'no')
        const to = await openRegistry(
          chaosMount(target, [{ operation: 'copy', error }]),
          lakeOptions,
        )
        expect(await to.copyFrom(from, 'x')).toEqual(whole)
        expect(await to.copyFrom(from, 'folder')).toEqual(folders)
        expect(await to.verify('folder')).toBe(true)
        expect((await keysOf(target)).filter(isPayload)).toHaveLength(4)
      }
    })

    it('are of one state when the source is overwritten meanwhile', async () => {
      for (const step of [0, 1, 2]) {
        const { from: source, to: target } = await someMounts()
        const whole = await openRegistry(source, { mutable: true })
        await whole.put('x', folder('old'), { metadata: { state: 'old' } })
        const change = async () => {
          await whole.put('x', folder('new'), { metadata: { state: 'new' } })
        }
        const from = await openRegistry(
          interrupted(source, { beforePayload: step, run: change, operation: 'read' }),
        )
        const to = await openRegistry(
          interrupted(target, { beforePayload: step, run: change, operation: 'copy' }),
        )
        const { metadata } = await to.copyFrom(from, 'x')
        expect(await to.verify('x')).toBe(true)
        expect(await read(to, 'x', 'b.txt')).toBe(metadata.state)
        expect((await keysOf(target)).filter(isPayload)).toHaveLength(3)
      }
    })

    it('are refused when the source is deleted meanwhile, and leave nothing', async () => {
      const { from: source, to: target } = await someMounts()
      const whole = await openRegistry(source, { mutable: true })
      await whole.put('x', folder('old'))
      const step = { beforePayload: 1, run: () => whole.delete('x') }
      const from = await openRegistry(interrupted(source, { ...step, operation: 'read' }))
      const to = await openRegistry(interrupted(target, { ...step, operation: 'copy' }))
      await expect(to.copyFrom(from, 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await to.has('x')).toBe(false)
      expect((await keysOf(target)).filter((key) => isPayload(key))).toEqual([])
    })

    it('of what is damaged are refused', async () => {
      const { from, to, mounts } = await aPlace()
      await from.put('x', text('hello'))
      await from.put('folder', folder('one'))
      for (const key of (await keysOf(mounts.from)).filter(isPayload)) {
        if (!key.endsWith('b-c') && !key.endsWith('data.txt')) continue
        const { sizeBytes } = (await mounts.from.head(key)) ?? { sizeBytes: 0 }
        await mounts.from.write(key, new Uint8Array(sizeBytes + (isByStore ? 1 : 0)))
      }
      for (const object of ['x', 'folder']) {
        await expect(to.copyFrom(from, object)).rejects.toMatchObject({ code: 'CORRUPT' })
        expect(await to.has(object)).toBe(false)
      }
      for (const key of (await keysOf(mounts.from)).filter(isPayload)) {
        await mounts.from.delete(key)
      }
      const lost = to.copyFrom(from, 'x', { version: '1' })
      await expect(lost).rejects.toMatchObject({ code: 'CORRUPT' })
      expect((await keysOf(mounts.to)).filter(isPayload)).toEqual([])
    })

    it('that break off at any step leave the old object or the copy, and no more than garbage', async () => {
      const operations = ['copy', 'write', 'read', 'head', 'stage', 'publish', 'delete'] as const
      const ofStores: readonly MountOperation[] = ['copy']
      const ofFolders: readonly MountOperation[] = ['stage', 'publish']
      for (const operation of operations) {
        for (const step of underTest.isRemote === true ? [1, 3] : [0, 1, 2, 3, 4, 6]) {
          for (const side of ['from', 'to'] as const) {
            const places = await someMounts()
            const never = isObjectMount(places[side]) ? ofFolders : ofStores
            if (never.includes(operation)) continue
            const whole = await openRegistry(places.to, { mutable: true })
            await whole.put('x', folder('old'))
            const source = await openRegistry(places.from, { mutable: true })
            await source.put('x', folder('new'))
            const failure = {
              operation,
              afterCalls: step,
              times: 1000,
              error: () => new MindtraceError('UNAVAILABLE', 'no answer'),
            }
            const broken = { ...places, [side]: chaosMount(places[side], [failure]) }
            const outcome = await (async () => {
              const from = await openRegistry(broken.from)
              const to = await openRegistry(broken.to)
              await to.copyFrom(from, 'x')
            })().then(
              () => 'new',
              () => 'either',
            )
            for await (const _ of whole.collectGarbage({ olderThanMs: -90_000_000 }));
            expect(await whole.verify('x')).toBe(true)
            const state = await read(whole, 'x', 'b-c')
            expect(outcome === 'new' ? ['new'] : ['old', 'new']).toContain(state)
            expect((await keysOf(places.to)).filter(isPayload)).toHaveLength(3)
            expect(await source.verify('x')).toBe(true)
          }
        }
      }
    }, 120_000)

    it('of a process that dies are whole or none, and leave garbage that can be found', async () => {
      const deaths =
        underTest.isRemote === true ? [3, 6, 9] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
      for (const death of deaths) {
        const places = await someMounts()
        const whole = await openRegistry(places.to, { mutable: true })
        const source = await openRegistry(places.from, { mutable: true })
        await source.put('x', folder('new'))
        const to = await openRegistry(dying(places.to, death), { mutable: true }).catch(
          () => undefined,
        )
        await to?.copyFrom(source, 'x').catch(() => {})
        for await (const _ of whole.collectGarbage({ olderThanMs: -90_000_000 }));
        const isThere = await whole.has('x')
        if (isThere) expect(await whole.verify('x')).toBe(true)
        const left = (await keysOf(places.to)).filter((key) => !/^(?:_meta_|registry)/.test(key))
        expect(left.filter(isPayload)).toHaveLength(isThere ? 3 : 0)
        expect(left.filter((key) => key.startsWith('_staging/'))).toEqual([])
        await whole.copyFrom(source, 'x')
        expect(await whole.verify('x')).toBe(true)
      }
    }, 120_000)
  })
}

/** A mount of which nothing is carried out any more after some calls, as of a process that was killed. */
function dying(mount: Mount, callsBefore: number): Mount {
  let left = callsBefore
  const counted = new Set([
    'read',
    'head',
    'write',
    'delete',
    'deleteMany',
    'copy',
    'stage',
    'publish',
  ])
  return new Proxy(mount, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function') return member
      const call = member.bind(target) as (...args: unknown[]) => unknown
      if (!counted.has(String(property))) return call
      return async (...args: unknown[]) => {
        if (left-- <= 0) throw new MindtraceError('UNAVAILABLE', 'dead')
        return call(...args)
      }
    },
  })
}

/** A mount that lets something happen before one of its payloads is read or copied, once. */
function interrupted(
  mount: Mount,
  interruption: {
    readonly operation: 'read' | 'copy'
    readonly beforePayload: number
    readonly run: () => Promise<void>
  },
): Mount {
  let left = interruption.beforePayload
  return new Proxy(mount, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function') return member
      const call = member.bind(target) as (...args: unknown[]) => unknown
      if (property !== interruption.operation) return call
      return async (key: string, ...rest: unknown[]) => {
        if (isPayload(key) && left-- === 0) await interruption.run()
        return call(key, ...rest)
      }
    },
  })
}
