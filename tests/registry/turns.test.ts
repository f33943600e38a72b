import { randomUUID } from 'node:crypto'
import { bytesOf, isMindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openMount, type Registry } from '@mindtrace/registry'
import { openGcsMount } from '@mindtrace/registry/gcs'
import { openLocalMount } from '@mindtrace/registry/local'
import { openS3Mount } from '@mindtrace/registry/s3'
import { afterAll, describe, expect, it } from 'vitest'
import { type PythonBackend, PythonError, PythonRegistry } from './python-registry.ts'

const python = process.env.MINDTRACE_TEST_PYTHON ?? ''
const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''
const gcs = process.env.MINDTRACE_TEST_GCS_ENDPOINT ?? ''
const openers = { file: openLocalMount, s3: openS3Mount, gs: openGcsMount }

interface Place {
  readonly backend: PythonBackend
  readonly url: string
}

const folders: AsyncDisposable[] = []
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]()
})

const places: Readonly<Record<string, { readonly missing: boolean; make: () => Promise<Place> }>> =
  {
    'a folder': {
      missing: false,
      make: async () => {
        const folder = await temporaryFolder()
        folders.push(folder)
        const root = `${folder.path}/registry`
        return { backend: { kind: 'local', root }, url: `file://${root}` }
      },
    },
    'an S3 bucket': {
      missing: s3 === '',
      make: async () => {
        const bucket = `turns-${randomUUID()}`
        const place = { endpoint: s3, bucket, prefix: 'lake/prod' }
        const url = `s3://${bucket}/lake/prod?endpoint=${encodeURIComponent(s3)}`
        return { backend: { kind: 's3', ...place }, url }
      },
    },
    'a GCS bucket': {
      missing: gcs === '',
      make: async () => {
        const bucket = `turns-${randomUUID()}`
        const place = { endpoint: gcs, bucket, prefix: 'lake/prod' }
        const url = `gs://${bucket}/lake/prod?project=test&endpoint=${encodeURIComponent(gcs)}`
        return { backend: { kind: 'gcs', ...place }, url }
      },
    },
  }

/** The same numbers in every run. */
function randomOf(seed: number) {
  let state = seed >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  return {
    below: (limit: number) => Math.floor(next() * limit),
    pick: <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T,
    bytes: (size: number) => Uint8Array.from({ length: size }, () => Math.floor(next() * 256)),
  }
}

const names = ['plain', 'cam:1', 'with space', 'uni é', 'x_meta_y', 'imports-voc']
/** Python's local registry finds neither versions nor the latest of names with a slash. */
const slashed = ['vault/cat', 'a/b:c/d']

async function bodyOf(registry: Registry, name: string, version?: string): Promise<Uint8Array> {
  return bytesOf((await registry.open(name, { version })).body, 1e8)
}

describe.each(Object.entries(places))('on %s', (_, { missing, make }) => {
  describe.skipIf(missing || python === '')('the Python registry and ours', () => {
    it.each([
      { version_objects: true, mutable: true },
      { version_objects: true, mutable: false },
      { version_objects: false, mutable: true },
      { version_objects: false, mutable: false },
    ])(
      'take turns: %j',
      async (options) => {
        const { backend, url } = await make()
        const seed = options.version_objects ? 7 : 11
        const random = randomOf(seed + (options.mutable ? 1 : 0))
        const oursFirst = options.mutable
        const openOurs = () =>
          openMount(url, {
            openers,
            defaults: { versionObjects: options.version_objects, mutable: options.mutable },
          })
        await using ours = await openOurs()
        if (oursFirst) await ours.put('first', new Uint8Array(3))
        await using theirs = await PythonRegistry.open(backend, options)
        if (!oursFirst) await theirs.save('first', new Uint8Array(3))
        await using reopened = await openOurs()
        expect(reopened.settings).toMatchObject({
          versionObjects: options.version_objects,
          mutable: options.mutable,
        })
        const isLocal = backend.kind === 'local'
        const usable = isLocal ? names : [...names, ...slashed]
        const expected = new Map<string, { bytes: Buffer; metadata: object }>()
        const key = (name: string, version: string) => `${name}@${version}`
        const versionsOf = (name: string) =>
          [...expected.keys()]
            .filter((each) => each.startsWith(`${name}@`))
            .map((each) => each.slice(name.length + 1))
            .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))

        for (let turn = 0; turn < 60; turn++) {
          const name = random.pick(usable)
          const isPython = random.below(2) === 0
          const action = random.below(10)
          const versions = versionsOf(name)
          const version = versions.length > 0 ? random.pick(versions) : undefined
          if (action < 5) {
            const bytes = Buffer.from(random.bytes(random.below(5_000)))
            const metadata = { turn, text: 'é', nested: { list: [1, 2.5, null, true] } }
            const wanted =
              action < 3 ? {} : { version: `${1 + random.below(3)}.${random.below(3)}` }
            const saved = await (isPython
              ? theirs.save(name, bytes, { metadata, ...wanted })
              : ours.put(name, bytes, { metadata, ...wanted }).then((object) => object.version)
            ).catch((error: unknown) => {
              const isConflict =
                (error instanceof PythonError && error.type === 'RegistryVersionConflict') ||
                isMindtraceError(error, 'DUPLICATE')
              if (!isConflict) throw error
              return undefined
            })
            if (saved !== undefined) expected.set(key(name, saved), { bytes, metadata })
            else expect(options.mutable).toBe(false)
          } else if (action < 6 && version !== undefined) {
            if (isPython) await theirs.call('delete', { name, version })
            else await ours.delete(name, { version })
            expected.delete(key(name, version))
          } else if (version !== undefined) {
            const { bytes, metadata } = expected.get(key(name, version)) ?? {}
            if (isPython) {
              expect(await theirs.load(name, version)).toEqual(bytes)
              expect(await theirs.call('info', { name, version })).toMatchObject({ metadata })
            } else {
              expect(Buffer.from(await bodyOf(ours, name, version))).toEqual(bytes)
              expect((await ours.info(name, { version })).metadata).toEqual(metadata)
            }
          }
        }
        for (const name of usable) {
          const versions = versionsOf(name)
          expect(await ours.versions(name)).toEqual(versions)
          if (options.version_objects) {
            expect(await theirs.call('versions', { name })).toEqual(versions)
          }
          for (const version of versions) {
            const { bytes } = expected.get(key(name, version)) ?? {}
            expect(await theirs.load(name, version)).toEqual(bytes)
            expect(Buffer.from(await bodyOf(ours, name, version))).toEqual(bytes)
            expect(await ours.verify(name, { version })).toBe(true)
          }
        }
      },
      120_000,
    )

    it('read what was copied, whoever has written it', async () => {
      const [source, target] = [await make(), await make()]
      const options = { version_objects: true, mutable: true }
      const open = (url: string) =>
        openMount(url, { openers, defaults: { versionObjects: true, mutable: true } })
      await using from = await open(source.url)
      await using to = await open(target.url)
      await using theirs = await PythonRegistry.open(source.backend, options)
      const metadata = { text: 'é', nested: [1, 2.5, null] }
      const bytes = Buffer.from('bytes of Python')
      await theirs.save('theirs', bytes, { metadata })
      await theirs.call('save', { name: 'a list', value: [1, 'two', null] })
      await from.put('ours', Buffer.alloc(2_000_000, 7), { metadata, contentType: 'image/png' })
      await from.put('a file', {
        className: 'pathlib.PosixPath',
        materializer: 'mindtrace.registry.archivers.path_archiver.PathArchiver',
        files: [
          { path: 'metadata.json', body: Buffer.from('{"name": "plate.txt", "is_dir": false}') },
          { path: 'plate.txt', body: Buffer.from('a plate') },
        ],
      })
      for (const name of ['theirs', 'a list', 'ours', 'a file']) {
        const stored = await from.info(name)
        const copied = await to.copyFrom(from, name)
        expect(copied).toMatchObject({
          ...stored,
          sizeBytes: expect.any(Number),
          sha256: copied.sha256,
        })
        expect(await to.verify(name)).toBe(true)
      }
      await using reader = await PythonRegistry.open(target.backend, options)
      expect(await reader.load('theirs')).toEqual(bytes)
      expect(await reader.load('ours')).toEqual(Buffer.alloc(2_000_000, 7))
      expect(await reader.call('load', { name: 'a list' })).toEqual({ value: [1, 'two', null] })
      expect(await reader.call('load', { name: 'a file' })).toEqual({
        value: expect.stringMatching(/plate\.txt$/),
      })
      for (const name of ['theirs', 'ours']) {
        expect(await reader.call('info', { name, version: '1.0.0' })).toMatchObject({ metadata })
      }
      await reader.save('theirs', Buffer.from('written over the copy'), { version: '1.0.0' })
      expect(Buffer.from(await bodyOf(to, 'theirs')).toString()).toBe('written over the copy')
    }, 120_000)

    it('write at the same time, and lose nothing', async () => {
      const { backend, url } = await make()
      const options = { version_objects: true, mutable: false }
      await using ours = await openMount(url, { openers, defaults: { versionObjects: true } })
      await ours.put('first', new Uint8Array(3))
      await using theirs = await PythonRegistry.open(backend, options)
      const written = new Map<string, Buffer>()
      const note = (version: string, bytes: Buffer) => {
        expect(written.has(version)).toBe(false)
        written.set(version, bytes)
      }
      const rounds = Array.from({ length: 20 }, (_, index) => index)
      const python = rounds.map(async (index) => {
        const bytes = Buffer.from(`python ${index}`)
        for (;;) {
          try {
            return note(await theirs.save('shared', bytes), bytes)
          } catch (error) {
            // In an immutable registry its second writer of a number is refused: it asks again.
            if (!(error instanceof PythonError)) throw error
          }
        }
      })
      const typescript = rounds.map(async (index) => {
        const bytes = Buffer.from(`typescript ${index}`)
        note((await ours.put('shared', bytes)).version, bytes)
      })
      await Promise.all([...python, ...typescript])
      expect(written.size).toBe(40)
      expect(await ours.versions('shared')).toHaveLength(40)
      for (const [version, bytes] of written) {
        expect(Buffer.from(await bodyOf(ours, 'shared', version))).toEqual(bytes)
        expect(await theirs.load('shared', version)).toEqual(bytes)
      }
    }, 120_000)
  })
})
