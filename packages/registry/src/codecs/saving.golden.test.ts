import { readFileSync } from 'node:fs'
import { bytesOf, streamOf } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { MemoryMount, MemoryObjectMount } from '../mounts/memory/index.ts'
import { openRegistry, type Registry } from '../registry.ts'
import { collect } from '../testing/collect.ts'
import { imageCodec } from './image/index.ts'
import {
  float,
  load,
  mapCodec,
  modelCodec,
  NamedFile,
  NdArray,
  openFiles,
  PngImage,
  StoredFile,
  StoredFolder,
  save,
  tupleCodec,
} from './index.ts'

interface Golden {
  readonly files: Readonly<Record<string, string | { readonly base64: string }>>
  readonly story: Readonly<Record<string, { readonly objects: readonly { name?: string }[] }>>
}

const trees = ['local', 's3'].flatMap((kind) => {
  const url = new URL(`../fixtures/registry-${kind}.json`, import.meta.url)
  const golden = JSON.parse(readFileSync(url, 'utf8')) as Golden
  return Object.entries(golden.story).map(([pair, { objects }]) => {
    const names = objects.flatMap(({ name }) => (name === undefined ? [] : [name]))
    return { kind, pair, golden, names: [...names, 'direct/up', 'traced'] }
  })
})

async function goldenRegistry({ kind, pair, golden }: (typeof trees)[number]): Promise<Registry> {
  const folders = new MemoryMount()
  const bucket = new MemoryObjectMount()
  for (const [path, file] of Object.entries(golden.files)) {
    if (!path.startsWith(`${pair}/`)) continue
    const bytes = typeof file === 'string' ? Buffer.from(file) : Buffer.from(file.base64, 'base64')
    const key = path.slice(pair.length + 1)
    await (kind === 's3' ? bucket.write(key, bytes) : folders.write(key, streamOf(bytes)))
  }
  return openRegistry(kind === 's3' ? bucket : folders)
}

const camera = modelCodec(
  z.object({ name: z.string(), fps: z.number(), tags: z.array(z.string()) }),
  '__main__.Camera',
)

/** What each object of the story is here. */
const values: Readonly<Record<string, unknown>> = {
  'plain-str': 'héllo wörld\n',
  'an-int': 42,
  'a-float': 1.5,
  'a-bool': true,
  'big-int': 2n ** 70n,
  'a-list': [1, 'two', null, { three: 3 }],
  'a-dict': { k: [1, 2], 2: { x: 'é' } },
  'int-keys': { 2: 'b' },
  'a-tuple': [1, 'x'],
  'a-set': new Set([1, 2, 3]),
  pydantic: { name: 'c1', fps: 25, tags: ['a'] },
  numpy: new NdArray(
    Float32Array.from({ length: 12 }, (_, index) => index),
    { shape: [3, 4] },
  ),
  'numpy-bool': new NdArray(Uint8Array.of(1, 0), { shape: [1, 2], dtype: 'bool' }),
}

describe.each(trees)('every object that Python made: $kind, $pair', (tree) => {
  it('is loaded as what it is', async () => {
    await using registry = await goldenRegistry(tree)
    for (const name of tree.names) {
      const value = await load(registry, name)
      if (name in values) expect(value, name).toEqual(values[name])
      else if (value instanceof Uint8Array) {
        expect(value).toEqual(await bytesOf((await registry.open(name)).body, 1e6))
      } else expect(['pil', 'pil-l', 'path-file', 'path-dir']).toContain(name)
    }
  })

  it('files and folders are streams', async () => {
    await using registry = await goldenRegistry(tree)
    const file = await load(registry, 'path-file')
    if (!(file instanceof StoredFile)) throw new Error('no file')
    expect(file.name).toBe('note.txt')
    expect(new TextDecoder().decode(await bytesOf((await file.open()).body, 100))).toBe('a file\n')
    const folder = await load(registry, 'path-dir')
    if (!(folder instanceof StoredFolder)) throw new Error('no folder')
    expect(folder.name).toBe('dir')
    const entries: unknown[] = []
    for await (const { path, kind, mode, body } of folder.entries()) {
      entries.push([path, kind, mode, body && (await bytesOf(body, 100)).byteLength])
    }
    expect(entries).toEqual([
      ['', 'folder', 0o755, undefined],
      ['a.txt', 'file', 0o644, 1],
      ['empty', 'folder', 0o755, undefined],
      ['sub', 'folder', 0o755, undefined],
      ['sub/b.bin', 'file', 0o644, 8],
    ])
  })

  it('images are PNG bytes or pixels', async () => {
    await using registry = await goldenRegistry(tree)
    const png = await load(registry, 'pil')
    expect(png).toBeInstanceOf(PngImage)
    expect(png).toMatchObject({ width: 5, height: 4, channels: 3, bitDepth: 8 })
    const pixels = await load(registry, 'pil', { codec: imageCodec })
    expect(pixels).toMatchObject({ width: 5, height: 4, channels: 3, depth: 8 })
    expect(pixels.data).toHaveLength(60)
    expect(await load(registry, 'pil', { codecs: [imageCodec] })).toEqual(pixels)
  })

  it('is stored in the same files, byte for byte, when it is saved again', async () => {
    await using registry = await goldenRegistry(tree)
    await using again = await openRegistry(new MemoryMount(), { versionObjects: true })
    for (const name of tree.names) {
      if (name === 'path-dir') continue
      const { className } = await registry.info(name)
      await saveAgain(again, registry, name)
      expect(await filesAs(again, name), name).toEqual(await filesAs(registry, name))
      const copy = await again.info(name)
      expect(copy.className).toBe(className)
    }
    expect((await collect(again.list())).length).toBe(tree.names.length - 1)
  })
})

async function saveAgain(target: Registry, source: Registry, name: string): Promise<unknown> {
  const { className } = await source.info(name)
  const codec = { 'builtins.dict': mapCodec }[className]
  const value = codec === undefined ? await load(source, name) : await load(source, name, { codec })
  if (className === 'builtins.tuple') {
    return save(target, name, value as unknown[], { codec: tupleCodec })
  }
  if (className === '__main__.Camera') {
    const model = await load(source, name, { codec: camera })
    // Whole floats are whole numbers here; pydantic takes either.
    return save(target, name, { ...model, fps: float(model.fps) as never }, { codec: anyCamera })
  }
  if (value instanceof StoredFile) {
    return save(target, name, new NamedFile(value.name, (await value.open()).body))
  }
  return save(target, name, value)
}

const anyCamera = modelCodec(z.record(z.string(), z.unknown()), '__main__.Camera')

async function filesAs(registry: Registry, name: string): Promise<Record<string, Buffer>> {
  const files = await openFiles(registry, name)
  const contents: Record<string, Buffer> = {}
  for (const path of files.object.files) contents[path] = Buffer.from(await files.bytes(path))
  return contents
}
