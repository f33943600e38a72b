import type { Lake, PayloadRead, StorageRef } from '@mindtrace/contract'
import { bytesOf, streamOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { describe, expect, it } from 'vitest'
import { anAsset, anImage, base64, bytes } from '../builders.ts'
import { atOnce, codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'

const text = async ({ body }: PayloadRead) =>
  new TextDecoder().decode(await bytesOf(body, 1_000_000))

/** Objects by their tasks, whole and in base64. */
export function describeObjects(inLake: InLake): void {
  const put = (lake: Lake, input: Partial<Parameters<Lake['objects']['put']>[0]> = {}) =>
    lake.objects.put({ name: 'folder/one', data_base64: base64('hello'), ...input })
  const get = async (lake: Lake, ref: Partial<StorageRef>) => {
    const storage_ref = { mount: 'main', name: 'folder/one', ...ref }
    const { data_base64 } = await lake.objects.get({ storage_ref })
    return Buffer.from(data_base64, 'base64').toString()
  }

  it(
    'get a version with every put, and are read by it, or the latest',
    inLake(async (lake) => {
      const first = await put(lake)
      expect(first.storage_ref).toEqual({
        mount: 'main',
        name: 'folder/one',
        version: '1.0.0',
        qualified_key: 'main/folder/one@1.0.0',
      })
      expect((await put(lake, { data_base64: base64('again') })).storage_ref.version).toBe('1.0.1')
      expect(await get(lake, { version: '1.0.0' })).toBe('hello')
      expect(await get(lake, { version: 'latest' })).toBe('again')
      expect(await get(lake, {})).toBe('again')
      expect(await get(lake, { version: null })).toBe('again')
      const pinned = await put(lake, { version: '3', data_base64: base64('three') })
      expect(pinned.storage_ref.version).toBe('3.0.0')
      const replaced = { version: '3.0.0', data_base64: base64('four') }
      await put(lake, replaced)
      expect(await get(lake, { version: '3' })).toBe('four')
      await put(lake, { name: 'empty', data_base64: '' })
      expect(await get(lake, { name: 'empty' })).toBe('')
      await put(lake, { mount: 'other', name: 'elsewhere' })
      expect(await get(lake, { mount: 'other', name: 'elsewhere' })).toBe('hello')
    }),
  )

  it(
    'are refused with the reason',
    inLake(async (lake) => {
      await put(lake, { version: '2.0.0' })
      const head = (ref: StorageRef) => () => lake.objects.head({ storage_ref: ref })
      const ref = { mount: 'main', name: 'folder/one', version: '2.0.0', qualified_key: null }
      await expectRefusals([
        ['DUPLICATE', () => put(lake, { version: '2.0.0', on_conflict: 'skip' })],
        ['INVALID_INPUT', () => put(lake, { on_conflict: 'bogus' })],
        ['INVALID_INPUT', () => put(lake, { version: 'not-a-version' })],
        ['INVALID_INPUT', () => put(lake, { version: 'latest' })],
        ['INVALID_INPUT', () => put(lake, { name: '' })],
        ['INVALID_INPUT', () => put(lake, { name: 'odd@name' })],
        ['INVALID_INPUT', () => put(lake, { name: '../up' })],
        ['INVALID_INPUT', () => put(lake, { data_base64: '***' })],
        ['INVALID_INPUT', () => put(lake, { data_base64: 'eA=' })],
        ['INVALID_INPUT', () => put(lake, { data_base64: 'eA==\n' })],
        ['NOT_FOUND', () => put(lake, { mount: 'nowhere' })],
        ['PAYLOAD_UNAVAILABLE', () => get(lake, { name: 'folder/none' })],
        ['PAYLOAD_UNAVAILABLE', () => get(lake, { version: '9.9.9' })],
        ['NOT_FOUND', () => get(lake, { mount: 'nowhere' })],
        ['NOT_FOUND', head({ ...ref, mount: 'nowhere' })],
        ['INVALID_INPUT', head({ ...ref, version: 'not-a-version' })],
      ])
      expect(await get(lake, { version: '2.0.0' })).toBe('hello')
    }),
  )

  it(
    'are too large for base64 past the limit of the lake',
    inLake(
      async (lake) => {
        await put(lake, { data_base64: base64('12345678') })
        await expectRefusals([
          ['TOO_LARGE', () => put(lake, { data_base64: base64('123456789') })],
          ['TOO_LARGE', () => put(lake, { data_base64: base64('x'.repeat(100)) })],
        ])
        await lake.streams.writeObject({ mount: null, name: 'big' }, bytes('123456789'))
        await expectRefusals([['TOO_LARGE', () => get(lake, { name: 'big' })]])
      },
      { settings: { maxWholePayloadBytes: 8 } },
    ),
  )

  it(
    'tell their metadata, of one version or of all, and nothing where there is none',
    inLake(async (lake) => {
      const metadata = { who: 'me', nested: { a: [1, 2] } }
      const { storage_ref } = await put(lake, { metadata })
      await put(lake, { metadata: { rev: 2 } })
      const head = async (ref: Partial<StorageRef>) =>
        (await lake.objects.head({ storage_ref: { ...storage_ref, ...ref } })).metadata
      expect(await head({})).toMatchObject({ class: 'builtins.bytes', metadata })
      expect(await head({ version: 'latest' })).toMatchObject({ metadata: { rev: 2 } })
      const all = await head({ version: null })
      expect(Object.keys(all)).toEqual(['1.0.0', '1.0.1'])
      expect(all['1.0.0']).toMatchObject({ metadata })
      expect(await head({ name: 'none' })).toEqual({})
      expect(await head({ name: 'none', version: null })).toEqual({})
      expect(await head({ version: '9.9.9' })).toEqual({})
    }),
  )

  it(
    'are copied to other names, versions and mounts',
    inLake(async (lake) => {
      const { storage_ref: source } = await put(lake, { metadata: { who: 'me' } })
      const copy = (target: Partial<Parameters<Lake['objects']['copy']>[0]>) => () =>
        lake.objects.copy({ source, target_mount: 'other', target_name: 'copied', ...target })
      const { storage_ref } = await copy({})()
      expect(storage_ref.qualified_key).toBe('other/copied@1.0.0')
      expect(await get(lake, storage_ref)).toBe('hello')
      const pinned = await copy({ target_mount: 'main', target_version: '3.0.0' })()
      expect(pinned.storage_ref.qualified_key).toBe('main/copied@3.0.0')
      const own = await copy({ target_mount: 'main', target_name: 'folder/one' })()
      expect(own.storage_ref.version).toBe('1.0.1')
      for (const { storage_ref } of [pinned, own]) {
        const { metadata } = await lake.objects.head({ storage_ref })
        const { path, _storage, ...kept } = (await lake.objects.head({ storage_ref: source }))
          .metadata
        expect(metadata).toMatchObject({ ...kept, metadata: { who: 'me' } })
      }
      await expectRefusals([
        ['NOT_FOUND', copy({ source: { ...source, name: 'none' } })],
        ['NOT_FOUND', copy({ source: { ...source, mount: 'nowhere' } })],
        ['NOT_FOUND', copy({ target_mount: 'nowhere' })],
        ['INVALID_INPUT', copy({ target_name: '' })],
        ['INVALID_INPUT', copy({ target_version: 'latest' })],
      ])
    }),
  )

  it(
    'get fifty versions when fifty put the same name at once',
    inLake(async (lake) => {
      const { values } = await atOnce(50, (index) =>
        put(lake, { data_base64: base64(`body ${index}`) }),
      )
      expect(values).toHaveLength(50)
      const versions = new Set(values.map(({ storage_ref }) => storage_ref.version))
      expect(versions.size).toBe(50)
    }),
  )
}

/** Payloads as streams. */
export function describeStreams(inLake: InLake): void {
  it(
    'are written from bytes and from streams, hashed on the way',
    inLake(async (lake) => {
      const request = {
        mount: null,
        name: 'streams/one',
        mediaType: 'text/plain',
        metadata: { a: 1 },
      }
      const written = await lake.streams.writeObject(request, streamOf(bytes('hello')))
      expect(written).toEqual({
        storage_ref: {
          mount: 'main',
          name: 'streams/one',
          version: '1.0.0',
          qualified_key: 'main/streams/one@1.0.0',
        },
        size_bytes: 5,
        checksum: `sha256:${sha256Hex('hello')}`,
      })
      const again = await lake.streams.writeObject({ ...request, mount: 'other' }, bytes('hi'))
      expect(again).toMatchObject({ size_bytes: 2, storage_ref: { mount: 'other' } })
      const read = await lake.streams.readObject(written.storage_ref)
      expect(read).toMatchObject({
        sizeBytes: 5,
        range: null,
        mediaType: 'text/plain',
        etag: sha256Hex('hello'),
        storageRef: written.storage_ref,
      })
      expect(await text(read)).toBe('hello')
      const { metadata } = await lake.objects.head({ storage_ref: written.storage_ref })
      expect(metadata.metadata).toEqual({ a: 1 })
    }),
  )

  it(
    'are read in part, and not past the end',
    inLake(async (lake) => {
      const object = { mount: 'main', name: 'digits' }
      await lake.streams.writeObject(object, bytes('0123456789'))
      const part = async (start: number, end?: number) => {
        const read = await lake.streams.readObject(object, { range: { start, end } })
        expect(read.sizeBytes).toBe(10)
        return { text: await text(read), range: read.range }
      }
      expect(await part(0, 0)).toEqual({ text: '0', range: { start: 0, end: 0 } })
      expect(await part(3, 5)).toEqual({ text: '345', range: { start: 3, end: 5 } })
      expect(await part(7)).toEqual({ text: '789', range: { start: 7, end: 9 } })
      expect(await part(8, 100)).toEqual({ text: '89', range: { start: 8, end: 9 } })
      const empty = { mount: 'main', name: 'empty' }
      await lake.streams.writeObject(empty, bytes(''))
      const start = { range: { start: 0 } }
      await expectRefusals([
        ['RANGE_NOT_SATISFIABLE', () => part(10)],
        ['RANGE_NOT_SATISFIABLE', () => lake.streams.readObject(empty, start)],
      ])
      const whole = await lake.streams.readObject(empty)
      expect(whole).toMatchObject({ sizeBytes: 0, range: null })
      expect(await text(whole)).toBe('')
    }),
  )

  it(
    'are left unread without harm, any number of times',
    inLake(async (lake) => {
      const object = { mount: 'main', name: 'big' }
      await lake.streams.writeObject(object, new Uint8Array(2_000_000))
      for (let time = 0; time < 20; time += 1) {
        const { body } = await lake.streams.readObject(object)
        await body.cancel()
      }
      const { body } = await lake.streams.readObject(object)
      expect((await bytesOf(body, 2_000_000)).byteLength).toBe(2_000_000)
    }),
  )

  it(
    'are read by asset, with its media type',
    inLake(async (lake) => {
      const { asset_id, storage_ref } = await anImage(lake)
      const read = await lake.streams.readAsset(asset_id)
      expect(read).toMatchObject({ mediaType: 'image/png', sizeBytes: 6, storageRef: storage_ref })
      expect(await text(read)).toBe('pixels')
      const part = await lake.streams.readAsset(asset_id, { range: { start: 1, end: 3 } })
      expect(await text(part)).toBe('ixe')
    }),
  )

  it(
    'are refused with the reason',
    inLake(async (lake) => {
      const missing = await anAsset(lake)
      const nowhere = await anAsset(lake, { storage_ref: { mount: 'nowhere', name: 'x' } })
      const write = (request: object) => () =>
        lake.streams.writeObject({ mount: 'main', name: 'x', ...request }, bytes('x'))
      await write({ version: '1.0.0' })()
      await expectRefusals([
        ['NOT_FOUND', () => lake.streams.readAsset('asset_0')],
        ['PAYLOAD_UNAVAILABLE', () => lake.streams.readAsset(missing.asset_id)],
        ['PAYLOAD_UNAVAILABLE', () => lake.streams.readAsset(nowhere.asset_id)],
        ['NOT_FOUND', () => lake.streams.readObject({ mount: 'nowhere', name: 'x' })],
        ['NOT_FOUND', () => lake.streams.readObject({ mount: 'main', name: 'none' })],
        ['NOT_FOUND', () => lake.streams.readObject({ mount: 'main', name: 'x', version: '9' })],
        ['NOT_FOUND', write({ mount: 'nowhere' })],
        ['DUPLICATE', write({ version: '1.0.0', onConflict: 'skip' })],
        ['INVALID_INPUT', write({ version: 'latest' })],
        ['INVALID_INPUT', write({ name: 'a/../b' })],
      ])
    }),
  )

  describe('that break off', () => {
    it(
      'leave no object',
      inLake(async (lake) => {
        const broken = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(bytes('begin')),
          pull: (controller) => controller.error(new Error('the sender is gone')),
        })
        const object = { mount: 'main', name: 'broken' }
        await expect(lake.streams.writeObject(object, broken)).rejects.toThrow()
        expect(await codeOf(() => lake.streams.readObject(object))).toBe('NOT_FOUND')
      }),
    )
  })
}
