import { readFileSync } from 'node:fs'
import { bytesOf } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import { MemoryObjectMount } from '../../mounts/memory/index.ts'
import { openRegistry } from '../../registry.ts'
import { collect } from '../../testing/collect.ts'

type Files = Readonly<Record<string, string | { readonly base64: string }>>

const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/registry-s3.json', import.meta.url), 'utf8'),
) as {
  readonly files: Files
  readonly 'files_0.12': Files
  readonly story: Readonly<
    Record<
      string,
      {
        readonly options: { readonly mutable: boolean; readonly version_objects: boolean }
        readonly objects: readonly {
          readonly name?: string
          readonly python_type: string
          readonly returned: string
          readonly metadata: Record<string, unknown>
        }[]
        readonly versions: Readonly<Record<string, readonly string[]>>
      }
    >
  >
}

const bytesAt = (files: Files, key: string): Buffer => {
  const file = files[key]
  if (file === undefined) throw new Error(`no golden object ${key}`)
  return typeof file === 'string' ? Buffer.from(file) : Buffer.from(file.base64, 'base64')
}

async function goldenMount(pair: string, files = golden.files): Promise<MemoryObjectMount> {
  const mount = new MemoryObjectMount()
  for (const key of Object.keys(files)) {
    if (key.startsWith(`${pair}/`)) {
      await mount.write(key.slice(pair.length + 1), bytesAt(files, key))
    }
  }
  return mount
}

const jsonAt = async (mount: MemoryObjectMount, key: string) =>
  JSON.parse(new TextDecoder().decode(await bytesOf((await mount.read(key)).body, 1e6)))

describe.each(Object.entries(golden.story))('a bucket that Python filled: %s', (pair, story) => {
  const saved = story.objects.flatMap(({ name, ...rest }) =>
    name === undefined ? [] : [{ name, ...rest }],
  )

  it('has the settings, objects and versions of the story', async () => {
    const registry = await openRegistry(await goldenMount(pair))
    expect(registry.settings).toEqual({
      mutable: story.options.mutable,
      versionObjects: story.options.version_objects,
      versionDigits: 3,
    })
    const names = await collect(registry.list())
    expect(names.toSorted()).toEqual(
      [...saved.map(({ name }) => name), 'direct/up', 'traced'].sort(),
    )
    for (const { name, returned } of saved) {
      expect(await registry.versions(name)).toEqual([returned])
    }
    expect(await registry.versions('traced')).toEqual(story.versions.traced)
  })

  it('gives every file as it lies there, and every hash matches', async () => {
    const mount = await goldenMount(pair)
    const registry = await openRegistry(mount)
    for (const { name, python_type, returned, metadata } of saved) {
      const object = await registry.info(name)
      expect(object).toMatchObject({ name, version: returned, metadata })
      if (python_type !== '__main__.Camera') expect(object.className).toContain(python_type)
      const key = `_meta_${name.replaceAll(':', '%3A')}@${returned}.json`
      const { _storage } = await jsonAt(mount, key)
      for (const file of object.files) {
        const { body } = await registry.openFile(name, file)
        const place = `${pair}/objects/${name}/${returned}/${_storage.uuid}/${file}`
        expect(Buffer.from(await bytesOf(body, 1e9))).toEqual(bytesAt(golden.files, place))
      }
      expect(await registry.verify(name)).toBe(true)
    }
    expect(await registry.verify('direct/up')).toBe(false)
    expect(await registry.text('plain-str')).toBe('héllo wörld\n')
  })

  it('takes the same objects under the same kinds of keys, with the same documents', async () => {
    const theirs = await openRegistry(await goldenMount(pair))
    const mount = new MemoryObjectMount()
    const registry = await openRegistry(mount, {
      mutable: story.options.mutable,
      versionObjects: story.options.version_objects,
    })
    for (const { name, python_type, metadata, returned } of saved) {
      if (!/bytes|str$/.test(python_type)) continue
      const isText = python_type.endsWith('str')
      const body = isText ? await theirs.text(name) : (await theirs.open(name)).body
      expect((await registry.put(name, body, { metadata })).version).toBe(returned)
      const key = `_meta_${name.replaceAll(':', '%3A')}@${returned}.json`
      const { _storage, path, size_bytes, sha256, ...ours } = await jsonAt(mount, key)
      const document = JSON.parse(bytesAt(golden.files, `${pair}/${key}`).toString())
      expect({ ...ours, path: '', _storage: {} }).toEqual({ ...document, path: '', _storage: {} })
      expect(Object.keys(_storage).sort()).toEqual(Object.keys(document._storage).sort())
      expect(_storage.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      expect(path).toBe(`memory://objects/objects/${name}/${returned}/${_storage.uuid}`)
      const [file] = document._files
      expect(await mount.head(`objects/${name}/${returned}/${_storage.uuid}/${file}`)).toBeDefined()
    }
    const keys = (await collect(mount.list(''))).map(({ key }) => key)
    expect(keys.filter((key) => key.startsWith('_staging/'))).toEqual([])
  })
})

it('reads what 0.12 left in a bucket, whose hashes have the other form', async () => {
  const mount = await goldenMount('mutable-versioned', golden['files_0.12'])
  const registry = await openRegistry(mount)
  const names = await collect(registry.list())
  expect(names.length).toBeGreaterThan(20)
  for (const name of names) {
    expect(await registry.verify(name)).toBe(name !== 'direct/up')
  }
})
