import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../registry.ts'
import { collect } from '../../testing/collect.ts'
import { describeMount, describeRegistry, someBytes } from '../../testing/index.ts'
import { LocalMount } from './local-mount.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)

async function localMount(options = {}) {
  const folder = await temporaryFolder()
  const mount = new LocalMount(join(folder.path, 'lake'), options)
  const dispose = mount[Symbol.asyncDispose].bind(mount)
  return Object.assign(mount, {
    outside: folder.path,
    [Symbol.asyncDispose]: async () => {
      await dispose()
      await folder[Symbol.asyncDispose]()
    },
  })
}

describeMount('local', { create: () => localMount(), createMissing: () => localMount() })
describeMount('local, not durable', { create: () => localMount({ durability: 'none' }) })
describeRegistry('local', { create: () => localMount({ durability: 'none' }) })

describe('a local mount', () => {
  it('makes nothing before the first write', async () => {
    await using mount = await localMount()
    expect(await collect(mount.list(''))).toEqual([])
    expect(await mount.head('a')).toBeUndefined()
    await mount.delete('a')
    expect(await readdir(mount.outside)).toEqual([])
  })

  it('that was there and is gone does not answer', async () => {
    await using mount = await localMount()
    await mount.ping()
    await mkdir(join(mount.outside, 'lake'))
    await mount.ping()
    await rm(join(mount.outside, 'lake'), { recursive: true })
    await expect(mount.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('is its disk mounted?'),
    })
    await writeFile(join(mount.outside, 'lake'), '')
    await expect(mount.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('takes back the folder that was made for what never came', async () => {
    await using mount = await localMount()
    await mount.write('a/b.txt', text('hello'))
    await mount.localPath('_direct_uploads/u1/data.txt', { makeFolder: true })
    await mount.localPath('_direct_uploads/u2/data.txt', { makeFolder: true })
    await mount.delete('_direct_uploads/u1/data.txt')
    await mount.delete('a/none.txt')
    expect(await readdir(join(mount.location, '_direct_uploads'))).toEqual(['u2'])
    await mount.delete('_direct_uploads/u2/data.txt')
    expect((await readdir(mount.location)).toSorted()).toEqual(['.mt-staging', 'a'])
    expect(await readdir(join(mount.location, 'a'))).toEqual(['b.txt'])
  })

  it('keeps plain files where their keys say', async () => {
    await using mount = await localMount()
    await mount.write('a/b.txt', text('hello'))
    expect(await readFile(join(mount.location, 'a/b.txt'), 'utf8')).toBe('hello')
  })

  it('refuses links that leave the root, and follows those that stay', async () => {
    await using mount = await localMount()
    await mount.write('inside/x', text('x'))
    await mkdir(join(mount.outside, 'secrets'))
    await writeFile(join(mount.outside, 'secrets/key'), 'secret')
    await symlink(join(mount.outside, 'secrets'), join(mount.location, 'folder'))
    await symlink(join(mount.outside, 'secrets/key'), join(mount.location, 'file'))
    await symlink(join(mount.location, 'inside'), join(mount.location, 'stays'))
    const refused = { code: 'FORBIDDEN' }
    await expect(mount.read('folder/key')).rejects.toMatchObject(refused)
    await expect(mount.read('file')).rejects.toMatchObject(refused)
    await expect(mount.head('folder/key')).rejects.toMatchObject(refused)
    await expect(mount.write('folder/new', text('x'))).rejects.toMatchObject(refused)
    await expect(mount.write('folder/deep/new', text('x'))).rejects.toMatchObject(refused)
    await expect(mount.delete('folder/key')).rejects.toMatchObject(refused)
    await expect(collect(mount.list('folder/'))).rejects.toMatchObject(refused)
    expect(await readdir(join(mount.outside, 'secrets'))).toEqual(['key'])
    expect(await bytesOf((await mount.read('stays/x')).body, 10)).toEqual(text('x'))
    expect((await collect(mount.list(''))).map(({ key }) => key)).toEqual(['inside/x'])
  })

  it('replaces a link by a file instead of writing through it', async () => {
    await using mount = await localMount()
    await mount.write('x', text('x'))
    await writeFile(join(mount.outside, 'target'), 'kept')
    await symlink(join(mount.outside, 'target'), join(mount.location, 'link'))
    await mount.write('link', text('new'))
    expect(await readFile(join(mount.outside, 'target'), 'utf8')).toBe('kept')
  })

  it('refuses pipes and devices without waiting for them', async () => {
    await using mount = await localMount()
    await mount.write('x', text('x'))
    shell('mkfifo "$0"', join(mount.location, 'pipe'))
    await expect(mount.read('pipe')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await mount.head('pipe')).toBeUndefined()
  })

  it('goes on when its folders are removed from outside', async () => {
    await using mount = await localMount()
    await mount.write('a/b/c', text('1'))
    await rm(join(mount.location, 'a'), { recursive: true })
    await mount.write('a/b/c', text('2'))
    await rm(join(mount.location, '.mt-staging'), { recursive: true })
    await mount.write('a/b/c', text('3'))
    expect(await readFile(join(mount.location, 'a/b/c'), 'utf8')).toBe('3')
  })

  it('says what stands in the way of a folder', async () => {
    await using mount = await localMount()
    await mount.write('a', text('x'))
    await expect(mount.write('a/b', text('x'))).rejects.toMatchObject({ code: 'CONFLICT' })
    await mount.write('b/c', text('x'))
    await expect(mount.write('b', text('x'))).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  it('sweeps what crashed writers left, and only when it is old', async () => {
    await using mount = await localMount()
    await mount.write('a', text('x'))
    await writeFile(join(mount.location, '.mt-staging/crashed'), 'half')
    expect(await mount.sweep({ olderThanMs: 60_000 })).toBe(0)
    expect(await mount.sweep({ olderThanMs: 0 })).toBe(1)
    expect(await readdir(join(mount.location, '.mt-staging'))).toEqual([])
  })

  it('takes uploads by a path through links to the mount, and by none that leaves it', async () => {
    await using folder = await temporaryFolder()
    const real = join(folder.path, 'real')
    await using registry = await openRegistry(new LocalMount(join(real, 'lake')), {})
    await symlink(real, join(folder.path, 'link'))
    const begin = async (id: string) => {
      await registry.uploads.begin(id, { expiresInMs: 60_000, contentType: 'text/plain' })
      const path = join(folder.path, 'link/lake/_direct_uploads', id, 'data.txt')
      return { kind: 'local_file', path } as const
    }
    const target = await begin('u1')
    await writeFile(target.path, 'hello')
    expect(await registry.uploads.inspect(target)).toMatchObject({ sizeBytes: 5 })
    expect(await registry.uploads.commit('x', target)).toMatchObject({ sizeBytes: 5 })
    expect(await registry.uploads.inspect(target)).toBeUndefined()

    const elsewhere = join(folder.path, 'elsewhere')
    await mkdir(join(elsewhere, '_direct_uploads/u1'), { recursive: true })
    await writeFile(join(elsewhere, '_direct_uploads/u1/data.txt'), 'secret')
    await symlink(elsewhere, join(folder.path, 'away'))
    const refused = { code: 'INVALID_INPUT' }
    for (const path of [
      join(elsewhere, '_direct_uploads/u1/data.txt'),
      join(folder.path, 'away/_direct_uploads/u1/data.txt'),
      join(folder.path, 'gone/_direct_uploads/u1/data.txt'),
      '../link/lake/_direct_uploads/u1/data.txt',
    ]) {
      const commit = registry.uploads.commit('y', { kind: 'local_file', path })
      await expect(commit).rejects.toMatchObject(refused)
    }

    // What lies at the place itself may be a link, too.
    const folderOut = await begin('u2')
    await rm(join(real, 'lake/_direct_uploads/u2'), { recursive: true })
    await symlink(join(elsewhere, '_direct_uploads/u1'), join(real, 'lake/_direct_uploads/u2'))
    const fileOut = await begin('u3')
    await symlink(join(elsewhere, '_direct_uploads/u1/data.txt'), fileOut.path)
    for (const out of [folderOut, fileOut]) {
      await expect(registry.uploads.commit('y', out)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    }
    expect(await readFile(join(elsewhere, '_direct_uploads/u1/data.txt'), 'utf8')).toBe('secret')
  })

  const tmpfs = mountTmpfs()
  it.skipIf(!tmpfs.isMounted)(
    `reports a full disk and a read-only one, and leaves the old bytes${tmpfs.isMounted ? '' : ` (skipped: ${tmpfs.reason})`}`,
    async () => {
      try {
        await using mount = new LocalMount(join(tmpfs.path, 'lake'))
        await mount.write('a', text('old'))
        const full = { code: 'STORAGE_FULL' }
        await expect(mount.write('a', someBytes(900_000))).resolves.toBeDefined()
        await expect(mount.write('b', someBytes(900_000))).rejects.toMatchObject(full)
        const stream = new Blob([someBytes(3_000_000)]).stream()
        await expect(mount.write('a', stream)).rejects.toMatchObject(full)
        expect(await bytesOf((await mount.read('a')).body, 1e9)).toEqual(someBytes(900_000))
        expect((await collect(mount.list(''))).map(({ key }) => key)).toEqual(['a'])
        await mount.delete('a')
        await mount.write('b', someBytes(900_000))

        await mount.delete('b')
        await using registry = await openRegistry(mount, {})
        await registry.put('object', text('kept'))
        shell('mount -o remount,ro "$0"', tmpfs.path)
        const readOnly = { code: 'READ_ONLY' }
        // As it was open before, and as another process finds it.
        await using other = new LocalMount(join(tmpfs.path, 'lake'))
        await using found = await openRegistry(other, {})
        await using fresh = new LocalMount(join(tmpfs.path, 'other'))
        for (const each of [mount, other, fresh]) {
          const body = new Blob([someBytes(2000)]).stream()
          await expect(each.write('c', body)).rejects.toMatchObject(readOnly)
        }
        for (const each of [registry, found]) {
          await expect(each.put('new', text('new'))).rejects.toMatchObject(readOnly)
          await expect(each.delete('object')).rejects.toMatchObject(readOnly)
          const { body } = await each.open('object')
          expect(await bytesOf(body, 100)).toEqual(text('kept'))
        }
      } finally {
        shell('umount "$0"', tmpfs.path)
        await rm(tmpfs.path, { recursive: true })
      }
    },
  )
})

function mountTmpfs(): {
  readonly path: string
  readonly isMounted: boolean
  readonly reason: string
} {
  const path = join('/tmp', `mindtrace-tmpfs-${process.pid}`)
  try {
    shell('mkdir -p "$0" && mount -t tmpfs -o size=1m tmpfs "$0"', path)
    return { path, isMounted: existsSync(path), reason: '' }
  } catch {
    return { path, isMounted: false, reason: 'mounting a tmpfs needs root' }
  }
}

function shell(command: string, path: string): void {
  execFileSync('sh', ['-c', command, path], { stdio: 'pipe' })
}
