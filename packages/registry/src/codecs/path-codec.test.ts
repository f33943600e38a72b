import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import * as fc from 'fast-check'
import { packTar, type TarEntry, type TarHeader } from 'modern-tar'
import { describe, expect, it } from 'vitest'
import { MemoryMount } from '../mounts/memory/index.ts'
import { openRegistry, type Registry } from '../registry.ts'
import { load, NamedFile, pathCodec, StoredFile, StoredFolder, save } from './index.ts'
import { materializers } from './materializers.ts'

const aRegistry = () => openRegistry(new MemoryMount(), { versionObjects: true, contentHash: 'v2' })

async function loadFolder(registry: Registry, name = 'x'): Promise<StoredFolder> {
  const value = await load(registry, name, { codec: pathCodec })
  if (!(value instanceof StoredFolder)) throw new Error('no folder')
  return value
}

async function storeArchive(registry: Registry, archive: Uint8Array, descriptor = '"d"') {
  const body = new TextEncoder().encode(`{"name": ${descriptor}, "is_dir": true}`)
  await registry.put('x', {
    className: 'pathlib.PosixPath',
    materializer: materializers.path,
    files: [
      { path: 'data.tar.gz', body: archive },
      { path: 'metadata.json', body },
    ],
  })
}

async function storeEntries(registry: Registry, entries: readonly Partial<TarHeader>[]) {
  const all = entries.map(
    (header): TarEntry => ({
      header: { name: 'x', size: header.type === undefined ? 1 : 0, ...header },
      ...(header.type === undefined ? { body: 'x' } : {}),
    }),
  )
  await storeArchive(registry, gzipSync(await packTar(all)))
}

/** Everything below a folder: kind, mode, time and content. */
async function snapshot(folder: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const path of ['', ...(await readdir(folder, { recursive: true }))].sort()) {
    const stats = await lstat(join(folder, path))
    const content = stats.isFile()
      ? (await readFile(join(folder, path))).toString('hex')
      : stats.isSymbolicLink() && (await readlink(join(folder, path)))
    const isLink = stats.isSymbolicLink()
    found[path] = isLink ? content : [stats.mode, Math.round(stats.mtimeMs), content]
  }
  return found
}

async function sampleFolder(root: string): Promise<string> {
  const folder = join(root, 'sample')
  await mkdir(join(folder, 'sub/empty'), { recursive: true })
  await mkdir(join(folder, 'a'.repeat(120), 'b'.repeat(200)), { recursive: true })
  await writeFile(join(folder, 'ünï 😀.txt'), 'text')
  await writeFile(join(folder, 'sub/big.bin'), Buffer.alloc(300_001, 'abc'))
  await writeFile(join(folder, 'sub/metadata.json'), '{}')
  await writeFile(join(folder, 'empty'), '')
  await chmod(join(folder, 'empty'), 0o640)
  await symlink('../empty', join(folder, 'sub/link'))
  await symlink('gone', join(folder, 'sub/dangling'))
  await utimes(join(folder, 'empty'), 1_000_000_000.25, 1_000_000_000.25)
  await utimes(join(folder, 'sub'), 1_234_567_890, 1_234_567_890)
  return folder
}

describe('folders', () => {
  it('come back with modes, times, links and empty folders', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    const folder = await sampleFolder(scratch.path)
    const stored = await save(registry, 'x', pathToFileURL(folder))
    expect(stored).toMatchObject({
      className: 'pathlib.PosixPath',
      files: ['data.tar.gz', 'metadata.json'],
    })
    const loaded = await loadFolder(registry)
    expect(loaded.name).toBe('sample')
    const target = join(scratch.path, 'out/there')
    await loaded.extractTo(target)
    expect(await snapshot(target)).toEqual(await snapshot(folder))
    expect(await readdir(join(scratch.path, 'out'))).toEqual(['there'])
    expect(await registry.verify('x')).toBe(true)
  })

  it('are the same bytes whenever they are stored', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    const folder = await sampleFolder(scratch.path)
    const first = await save(registry, 'x', pathToFileURL(folder))
    const second = await save(registry, 'x', pathToFileURL(folder))
    expect(second.contentHash).toBe(first.contentHash)
  })

  it('are not stored when a link leaves them, or with a socket in them', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    for (const target of ['/etc/passwd', '../../secret']) {
      const folder = join(scratch.path, `d${target.length}`)
      await mkdir(folder)
      await symlink(target, join(folder, 'link'))
      await expect(save(registry, 'x', pathToFileURL(folder))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { path: 'link', target },
      })
    }
    const folder = join(scratch.path, 's')
    await mkdir(folder)
    const server = createServer().listen(join(folder, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      await expect(save(registry, 'x', pathToFileURL(folder))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      })
    } finally {
      server.close()
    }
    expect(await registry.has('x')).toBe(false)
  })

  it('extract into nothing or an empty folder only', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    await storeEntries(registry, [{ name: './a' }])
    const folder = await loadFolder(registry)
    const target = join(scratch.path, 'out')
    await mkdir(target)
    await folder.extractTo(target)
    await expect(folder.extractTo(target)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await readdir(scratch.path)).toEqual(['out'])
    expect(await readdir(target)).toEqual(['a'])
  })
})

describe('archives that mean harm, or are damaged', () => {
  const file: Partial<TarHeader> = { name: './ok' }
  const symlinkTo = (name: string, linkname: string) =>
    ({ name, linkname, type: 'symlink' }) as const
  it.each<[string, string, readonly Partial<TarHeader>[]]>([
    ['absolute', 'INVALID_INPUT', [{ name: '/etc/x' }]],
    ['parent', 'INVALID_INPUT', [{ name: '../x' }]],
    ['parent within', 'INVALID_INPUT', [{ name: './a/../../x' }]],
    ['parent that stays', 'INVALID_INPUT', [{ name: './a/../x' }]],
    ['backslash root', 'INVALID_INPUT', [{ name: '\\\\host\\x' }]],
    ['drive', 'INVALID_INPUT', [{ name: 'C:\\x' }]],
    ['link out', 'INVALID_INPUT', [symlinkTo('./l', '../../x')]],
    ['absolute link', 'INVALID_INPUT', [symlinkTo('./l', '/etc/passwd')]],
    ['through a link', 'INVALID_INPUT', [symlinkTo('./l', 'ok'), { name: './l/x' }]],
    ['over a link', 'INVALID_INPUT', [symlinkTo('./l', 'ok'), { name: './l' }]],
    ['over a file', 'INVALID_INPUT', [{ name: './ok' }]],
    ['below a file', 'INVALID_INPUT', [{ name: './ok/x' }]],
    [
      'links that leave together',
      'INVALID_INPUT',
      [symlinkTo('./d/e/b', '../..'), symlinkTo('./a', 'd/e/b/../../x')],
    ],
    ['circle', 'INVALID_INPUT', [symlinkTo('./a', 'b/x'), symlinkTo('./b', 'a/x')]],
    ['hard link out', 'INVALID_INPUT', [{ name: './h', linkname: '../x', type: 'link' }]],
    ['hard link to none', 'CORRUPT', [{ name: './h', linkname: './gone', type: 'link' }]],
    [
      'hard link to a link',
      'CORRUPT',
      [symlinkTo('./l', 'ok'), { name: './h', linkname: './l', type: 'link' }],
    ],
    ['device', 'INVALID_INPUT', [{ name: './d', type: 'character-device' }]],
    ['pipe', 'INVALID_INPUT', [{ name: './d', type: 'fifo' }]],
  ])('leave nothing: %s', async (_, code, entries) => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    await storeEntries(registry, [file, ...entries])
    const folder = await loadFolder(registry)
    const target = join(scratch.path, 'in/out')
    await expect(folder.extractTo(target)).rejects.toMatchObject({ code })
    expect(await readdir(scratch.path, { recursive: true })).toEqual(['in'])
  })

  it('keep links and files that stay inside, and drop set-user-id', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    await storeEntries(registry, [
      { name: './d/f', mode: 0o4755 },
      { name: './h', linkname: './d/f', type: 'link' },
      symlinkTo('./d/up', '../h'),
      symlinkTo('./self', '.'),
      { name: './A' },
      { name: './a' },
    ])
    const target = join(scratch.path, 'out')
    await (await loadFolder(registry)).extractTo(target)
    expect((await lstat(join(target, 'h'))).mode & 0o7777).toBe(0o755)
    expect(await readFile(join(target, 'd/up'), 'utf8')).toBe('x')
    expect((await readdir(target)).sort()).toEqual(['A', 'a', 'd', 'h', 'self'])
  })

  it('are bounded in entries and bytes', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    await storeEntries(registry, [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    const folder = await loadFolder(registry)
    const target = join(scratch.path, 'out')
    for (const limits of [{ maxEntries: 2 }, { maxBytes: 2 }]) {
      await expect(folder.extractTo(target, limits)).rejects.toMatchObject({
        code: 'TOO_LARGE',
        details: limits,
      })
    }
    await folder.extractTo(target, { maxEntries: 3, maxBytes: 3 })
    expect(await readdir(scratch.path)).toEqual(['out'])
  })

  it('are refused when bytes are missing or wrong', async () => {
    await using scratch = await temporaryFolder()
    const tar = await packTar([{ header: { name: './a', size: 5000 }, body: Buffer.alloc(5000) }])
    const archive = gzipSync(tar)
    const broken = [
      archive.subarray(0, archive.length - 20),
      gzipSync(tar.subarray(0, 3000)),
      gzipSync(tar.subarray(0, 5632)),
      gzipSync(tar.map((byte, at) => (at === 3 ? byte ^ 1 : byte))),
      new TextEncoder().encode('no gzip'),
      new Uint8Array(),
      archive.map((byte, at) => (at === archive.length - 6 ? byte ^ 1 : byte)),
    ]
    for (const [at, bytes] of broken.entries()) {
      await using registry = await aRegistry()
      await storeArchive(registry, bytes)
      const folder = await loadFolder(registry)
      const failed = folder.extractTo(join(scratch.path, 'out'))
      await expect(failed, String(at)).rejects.toMatchObject({ code: 'CORRUPT' })
    }
    expect(await readdir(scratch.path)).toEqual([])
  })

  it('are refused when they are not what was stored', async () => {
    await using scratch = await temporaryFolder()
    await using mount = new MemoryMount()
    const registry = await openRegistry(mount, { versionObjects: true })
    await storeEntries(registry, [{ name: './a' }])
    const other = gzipSync(await packTar([{ header: { name: './a', size: 1 }, body: 'y' }]))
    await mount.write('x/1.0.0/data.tar.gz', new Blob([other]).stream())
    const folder = await loadFolder(registry)
    const target = join(scratch.path, 'out')
    await expect(folder.extractTo(target)).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(await readdir(scratch.path)).toEqual([])
  })

  it('stop when the caller does', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    await storeEntries(registry, [{ name: './a' }])
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    const folder = await loadFolder(registry)
    await expect(folder.extractTo(join(scratch.path, 'out'), { signal })).rejects.toBe(reason)
    expect(await readdir(scratch.path)).toEqual([])
  })
})

describe('files', () => {
  it('are streams in and out, under their name', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    const source = join(scratch.path, 'clip ü.mp4')
    await writeFile(source, Buffer.alloc(300_000, 'x'))
    await link(source, join(scratch.path, 'same'))
    await save(registry, 'x', pathToFileURL(source))
    const file = await load(registry, 'x')
    if (!(file instanceof StoredFile)) throw new Error('no file')
    expect(file.name).toBe('clip ü.mp4')
    const { body, sizeBytes } = await file.open({ range: { start: 10, end: 15 } })
    expect(sizeBytes).toBe(300_000)
    expect(Buffer.from(await bytesOf(body, 5)).toString()).toBe('xxxxx')
    const copy = await file.copyTo(join(scratch.path, 'to'))
    expect(await readFile(copy)).toEqual(await readFile(source))
    expect(await readdir(join(scratch.path, 'to'))).toEqual(['clip ü.mp4'])
  })

  it('are verified when they are read whole', async () => {
    await using scratch = await temporaryFolder()
    await using mount = new MemoryMount()
    for (const contentHash of ['v1', 'v2'] as const) {
      const registry = await openRegistry(mount, { versionObjects: true, contentHash })
      for (const name of ['a.txt', 'z.txt']) {
        const object = `${contentHash}-${name}`
        await save(registry, object, new NamedFile(name, new TextEncoder().encode('good')))
        const file = (await load(registry, object)) as StoredFile
        await file.copyTo(scratch.path)
        await mount.write(`${object}/1.0.0/${name}`, new Blob(['evil']).stream())
        await expect(file.copyTo(scratch.path)).rejects.toMatchObject({ code: 'CORRUPT' })
      }
    }
    expect((await readdir(scratch.path)).sort()).toEqual(['a.txt', 'z.txt'])
    expect(await readFile(join(scratch.path, 'z.txt'), 'utf8')).toBe('good')
  })

  it.each(['metadata.json', '', '.', '..', 'a/b', 'a\\b', 'a\0b'])(
    'called %j are not stored',
    async (name) => {
      await using registry = await aRegistry()
      const file = new NamedFile(name, new Uint8Array())
      await expect(save(registry, 'x', file)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    },
  )

  it('of other machines, and those that are not there, are refused', async () => {
    await using scratch = await temporaryFolder()
    await using registry = await aRegistry()
    const gone = pathToFileURL(join(scratch.path, 'gone'))
    await expect(save(registry, 'x', gone)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const web = new URL('https://user:secret@example.org/x')
    const refused = save(registry, 'x', web)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(refused).rejects.not.toThrow(/secret/)
  })

  it('that Python stored over their own description say so', async () => {
    await using registry = await aRegistry()
    await registry.put('x', {
      className: 'pathlib.PosixPath',
      materializer: materializers.path,
      files: [{ path: 'metadata.json', body: new TextEncoder().encode('{"mine": 1}') }],
    })
    await expect(load(registry, 'x')).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining("a file called 'metadata.json' over it"),
    })
  })
})

it('folders of any names and contents come back', async () => {
  const segment = fc
    .stringMatching(/^[^/\\\0]{1,20}$/u)
    .filter((text) => text !== '.' && text !== '..' && Buffer.from(text).toString() === text)
  const tree = fc.dictionary(segment, fc.uint8Array({ maxLength: 2000 }), { maxKeys: 6 })
  await using scratch = await temporaryFolder()
  let run = 0
  await fc.assert(
    fc.asyncProperty(tree, tree, async (files, inner) => {
      await using registry = await aRegistry()
      const folder = join(scratch.path, String(run++))
      await mkdir(join(folder, 'in ner'), { recursive: true })
      const { 'in ner': _, ...outer } = files
      for (const [name, bytes] of Object.entries(outer)) await writeFile(join(folder, name), bytes)
      for (const [name, bytes] of Object.entries(inner)) {
        await writeFile(join(folder, 'in ner', name), bytes)
      }
      await save(registry, 'x', pathToFileURL(folder))
      await (await loadFolder(registry)).extractTo(`${folder}-out`)
      expect(await snapshot(`${folder}-out`)).toEqual(await snapshot(folder))
    }),
    { numRuns: 25 },
  )
})
