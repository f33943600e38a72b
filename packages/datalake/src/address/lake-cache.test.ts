import { randomUUID } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { lakeCache } from './lake-cache.ts'
import { openLake } from './open-lake.ts'

const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

afterEach(() => vi.unstubAllEnvs())

describe('the cache of a lake', () => {
  const aFile = async (config: object) => {
    const folder = await temporaryFolder()
    const path = join(folder.path, 'lake.json')
    const lake = { database: 'sqlite:lake.db', mounts: { main: 'file:main' }, ...config }
    writeFileSync(path, JSON.stringify(lake))
    return { path, folder: folder.path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
  }

  it('lies with the caches of the user, unless a variable says where', async () => {
    vi.stubEnv('MINDTRACE_CACHE', undefined)
    vi.stubEnv('XDG_CACHE_HOME', '/somewhere/caches')
    expect((await lakeCache('./lake')).cache).toMatchObject({
      folder: '/somewhere/caches/mindtrace/payloads',
      maxBytes: 10_000_000_000,
    })
    vi.stubEnv('XDG_CACHE_HOME', 'relative')
    expect((await lakeCache('./lake')).cache?.folder).toBe(
      join(homedir(), '.cache/mindtrace/payloads'),
    )
    vi.stubEnv('MINDTRACE_CACHE', '/elsewhere')
    expect((await lakeCache('./lake')).cache?.folder).toBe('/elsewhere')
    vi.stubEnv('MINDTRACE_CACHE', 'off')
    expect((await lakeCache('./lake')).cache).toBeUndefined()
  })

  it('lies where its file says, and options say otherwise', async () => {
    await using file = await aFile({ cache: { folder: 'kept', max_bytes: 1000 } })
    const at = async (cache?: Parameters<typeof lakeCache>[1]) =>
      (await lakeCache(file.path, cache)).cache
    expect(await at()).toMatchObject({ folder: join(file.folder, 'kept'), maxBytes: 1000 })
    expect(await at({ cache: { maxBytes: 5 } })).toMatchObject({
      folder: join(file.folder, 'kept'),
      maxBytes: 5,
    })
    expect(await at({ cache: { folder: '/x' } })).toMatchObject({ folder: '/x', maxBytes: 1000 })
    expect(await at({ cache: false })).toBeUndefined()
  })

  it('can be off in the file', async () => {
    await using file = await aFile({ cache: false })
    expect((await lakeCache(file.path)).cache).toBeUndefined()
    expect((await lakeCache(file.path, { cache: { maxBytes: 5 } })).cache).toBeUndefined()
    expect((await lakeCache(file.path, { cache: { folder: '/x' } })).cache?.folder).toBe('/x')
  })

  it('is for mounts in object stores that do not decline', async () => {
    await using file = await aFile({
      mounts: {
        main: 'file:main',
        bucket: 's3://bucket/lake',
        photos: 'gs://photos?layout=plain',
        other: 's3://bucket/other?use_cache=false',
      },
    })
    expect((await lakeCache(file.path)).mounts).toEqual(['bucket', 'photos'])
    expect((await lakeCache('./none')).mounts).toEqual([])
    await expect(lakeCache(join(file.folder, 'none.json'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

describe.skipIf(s3 === '')('with MINDTRACE_TEST_S3_ENDPOINT, a lake', () => {
  it('keeps payloads of a bucket once they were read, and those of no other mount', async () => {
    await using folder = await temporaryFolder()
    const cache = { folder: join(folder.path, 'kept') }
    const endpoint = encodeURIComponent(s3)
    const bucket = `cached-${randomUUID()}`
    const mounts = {
      main: `s3://${bucket}/lake?endpoint=${endpoint}`,
      bare: `s3://${bucket}/bare?endpoint=${endpoint}&use_cache=false`,
      local: 'file:local',
    }
    const config = { database: 'sqlite:lake.db', mounts }
    writeFileSync(join(folder.path, 'lake.json'), JSON.stringify(config))
    await using lake = await openLake(join(folder.path, 'lake.json'), { cache })
    const entries = () => {
      const files = readdirSync(folder.path, { recursive: true, encoding: 'utf8' })
      return files.filter((path) => /kept\/..\/.{62}$/.test(path)).length
    }
    const read = async (mount: string) => {
      const { body } = await lake.streams.readObject({ mount, name: 'x' })
      return new TextDecoder().decode(await bytesOf(body, 100))
    }
    for (const mount of Object.keys(mounts)) {
      await lake.streams.writeObject({ mount, name: 'x' }, Buffer.from(`bytes in ${mount}`))
    }
    expect(entries()).toBe(0)
    for (const mount of Object.keys(mounts)) {
      expect(await read(mount)).toBe(`bytes in ${mount}`)
      expect(await read(mount)).toBe(`bytes in ${mount}`)
    }
    expect(entries()).toBe(1)
    const source = { mount: 'main', name: 'x', version: null, qualified_key: null }
    await lake.objects.copy({ source, target_mount: 'bare', target_name: 'copied' })
    await lake.objects.copy({ source, target_mount: 'local', target_name: 'copied' })
    expect(entries()).toBe(1)
  })
})
