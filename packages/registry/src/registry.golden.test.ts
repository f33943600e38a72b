import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { LocalMount } from './mounts/local/index.ts'
import { parseObjectDocument } from './object-document.ts'
import { parsePythonYaml } from './python-yaml.ts'
import { openRegistry } from './registry.ts'
import { collect } from './testing/collect.ts'

interface Golden {
  readonly files: Readonly<Record<string, string | { readonly base64: string }>>
  readonly story: Readonly<Record<string, GoldenRegistry>>
}

interface GoldenRegistry {
  readonly options: { readonly mutable: boolean; readonly version_objects: boolean }
  readonly objects: readonly {
    readonly name: string
    readonly python_type: string
    readonly returned: string
    readonly metadata: Record<string, unknown>
  }[]
  readonly versions: Readonly<Record<string, readonly string[]>>
}

const golden = JSON.parse(
  readFileSync(new URL('fixtures/registry-local.json', import.meta.url), 'utf8'),
) as Golden

function goldenBytes(path: string): Buffer {
  const file = golden.files[path]
  if (file === undefined) throw new Error(`no golden file ${path}`)
  return typeof file === 'string' ? Buffer.from(file) : Buffer.from(file.base64, 'base64')
}

async function goldenRegistry(pair: string) {
  const folder = await temporaryFolder()
  for (const path of Object.keys(golden.files)) {
    if (!path.startsWith(`${pair}/`)) continue
    await mkdir(join(folder.path, dirname(path)), { recursive: true })
    await writeFile(join(folder.path, path), goldenBytes(path))
  }
  const registry = await openRegistry(new LocalMount(join(folder.path, pair)))
  return { folder, registry, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

describe.each(Object.entries(golden.story))('a registry that Python made: %s', (pair, story) => {
  it('opens with its settings', async () => {
    await using opened = await goldenRegistry(pair)
    expect(opened.registry.settings).toEqual({
      mutable: story.options.mutable,
      versionObjects: story.options.version_objects,
      versionDigits: 3,
    })
  })

  it('lists every object, also those with a slash, which Python does not', async () => {
    await using opened = await goldenRegistry(pair)
    const names = await collect(opened.registry.list())
    const saved = story.objects.map(({ name }) => name)
    expect(names.toSorted()).toEqual([...saved, 'direct/up', 'traced'].sort())
  })

  it('has the versions of the story', async () => {
    await using opened = await goldenRegistry(pair)
    for (const [name, versions] of Object.entries(story.versions)) {
      expect(await opened.registry.versions(name)).toEqual(versions)
    }
    for (const { name, returned } of story.objects) {
      expect(await opened.registry.versions(name)).toEqual([returned])
    }
  })

  it('gives every file as it lies there, and every hash matches', async () => {
    await using opened = await goldenRegistry(pair)
    const { registry } = opened
    for (const { name, python_type, returned, metadata } of story.objects) {
      const object = await registry.info(name)
      expect(object).toMatchObject({ name, version: returned, metadata })
      if (python_type !== '__main__.Camera') expect(object.className).toContain(python_type)
      for (const file of object.files) {
        const { body, sizeBytes } = await registry.openFile(name, file)
        const bytes = await bytesOf(body, 1e9)
        expect(Buffer.from(bytes)).toEqual(goldenBytes(`${pair}/${name}/${returned}/${file}`))
        expect(sizeBytes).toBe(bytes.byteLength)
      }
      expect(await registry.verify(name)).toBe(true)
    }
    expect(await registry.verify('direct/up')).toBe(false)
    expect(await registry.text('plain-str')).toBe('héllo wörld\n')
  })

  it('reads each document the same with and without the YAML library', () => {
    for (const path of Object.keys(golden.files)) {
      if (!path.startsWith(`${pair}/_meta_`)) continue
      const text = goldenBytes(path).toString()
      expect(parseObjectDocument(text, path)).toMatchObject(parsePythonYaml(text) as object)
    }
  })
})

it('refuses settings other than the stored ones', async () => {
  await using opened = await goldenRegistry('mutable-versioned')
  const { mount } = opened.registry
  await expect(openRegistry(mount, { mutable: false })).rejects.toMatchObject({ code: 'CONFLICT' })
  await expect(openRegistry(mount, { versionDigits: 2 })).rejects.toMatchObject({
    code: 'CONFLICT',
  })
})

describe.each(Object.entries(golden.story))('writing the same objects: %s', (pair, story) => {
  it('makes the same files, names and documents', async () => {
    await using opened = await goldenRegistry(pair)
    await using folder = await temporaryFolder()
    const root = join(folder.path, pair)
    await using registry = await openRegistry(new LocalMount(root), {
      mutable: story.options.mutable,
      versionObjects: story.options.version_objects,
    })
    const written = story.objects.filter(({ python_type }) => /bytes|str$/.test(python_type))
    for (const { name, python_type, metadata, returned } of written) {
      const source = await opened.registry.open(name)
      const body = python_type.endsWith('str') ? await opened.registry.text(name) : source.body
      if (typeof body === 'string') await source.body.cancel()
      const stored = await registry.put(name, body, { metadata })
      expect(stored.version).toBe(returned)
    }
    const expected = Object.keys(golden.files).filter((path) =>
      written.some(({ name }) => {
        const document = `${pair}/_meta_${name.replaceAll(':', '%3A')}@1.0.0.yaml`
        return path === document || path.startsWith(`${pair}/${name}/1.0.0/`)
      }),
    )
    expect(expected.length).toBe(written.length * 2)
    const found = (await readdir(folder.path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.path.length + 1))
      .filter((path) => !path.includes('.mt-staging') && !path.endsWith('registry_metadata.json'))
    expect(found.sort()).toEqual(expected.sort())
    for (const path of expected) {
      const bytes = await readFile(join(folder.path, path))
      if (!path.includes('/_meta_')) expect(bytes).toEqual(goldenBytes(path))
      else {
        const ours = bytes.toString().split('\n')
        const shared = ours.filter((line) => !/^(?:sha256|size_bytes): /.test(line))
        expect(shared.length).toBe(ours.length - 2)
        const text = shared.join('\n').replaceAll(folder.path, '$MOUNT')
        expect(text).toBe(goldenBytes(path).toString())
      }
    }
    const settings = JSON.parse(await readFile(join(root, 'registry_metadata.json'), 'utf8'))
    const theirs = JSON.parse(goldenBytes(`${pair}/registry_metadata.json`).toString())
    expect({ ...settings, materializers: {} }).toEqual({ ...theirs, materializers: {} })
  })
})

it('accepts the content hash of 0.12 and refuses a wrong one', async () => {
  await using opened = await goldenRegistry('mutable-versioned')
  const { registry, folder } = opened
  await using writer = await openRegistry(registry.mount, { contentHash: 'v1' })
  const { contentHash } = await writer.put('old', new TextEncoder().encode('hello'))
  expect(contentHash).toBe('9ac5ba36239b10fd9445385068783551b5fad55f09554a011761f81734a81dba')
  expect(await bytesOf((await registry.open('old')).body, 10)).toHaveLength(5)
  expect(await registry.verify('old')).toBe(true)
  await writeFile(join(folder.path, 'mutable-versioned/old/1.0.0/data.txt'), 'hallo')
  const { body } = await registry.open('old')
  await expect(bytesOf(body, 10)).rejects.toMatchObject({ code: 'CORRUPT' })
  await expect(registry.verify('old')).rejects.toMatchObject({ code: 'CORRUPT' })
  const unchecked = await registry.open('old', { verify: false })
  expect(sha256Hex(await bytesOf(unchecked.body, 10))).toBe(sha256Hex('hallo'))
})
