import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { afterEach, expect, it } from 'vitest'
import { MemoryObjectMount } from '../mounts/memory/index.ts'
import { openRegistry } from '../registry.ts'
import { describePayloadCache, entriesIn } from '../testing/describe-payload-cache.ts'
import { someBytes } from '../testing/index.ts'
import { PayloadCache, type PayloadCacheOptions } from './payload-cache.ts'

describePayloadCache('memory, as an object store', { create: () => new MemoryObjectMount() })

const { writevSync } = fs
afterEach(() => {
  fs.writevSync = writevSync
  syncBuiltinESMExports()
})

/** Reads objects of a size through a cache. */
async function aReader(options: Omit<PayloadCacheOptions, 'folder'>) {
  const temporary = await temporaryFolder()
  const messages: string[] = []
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (fields: object, text: string) => messages.push(`${text} ${JSON.stringify(fields)}`),
  }
  const folder = `${temporary.path}/cache`
  const cache = new PayloadCache({ reservedBytes: 0, ...options, folder, log })
  const mount = new MemoryObjectMount()
  const registry = await openRegistry(mount, { mutable: true, cache })
  return {
    cache,
    folder,
    messages,
    read: async (name: string, size: number) => {
      await registry.put(name, someBytes(size))
      const { body } = await registry.open(name)
      expect(Buffer.from(someBytes(size)).equals(await bytesOf(body, 1e9))).toBe(true)
      await cache.settled()
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

it('gives up for a minute when the disk is full, and leaves nothing half', async () => {
  let now = 1_000_000_000_000
  await using reader = await aReader({ now: () => now })
  let attempts = 0
  fs.writevSync = () => {
    attempts += 1
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  syncBuiltinESMExports()
  await reader.read('x', 1000)
  await reader.read('y', 1_000_000)
  expect(attempts).toBe(1)
  expect(reader.messages).toEqual([expect.stringContaining('ENOSPC')])
  fs.writevSync = writevSync
  syncBuiltinESMExports()
  await reader.read('x', 1000)
  expect(await reader.cache.usage()).toMatchObject({ payloads: 0, sizeBytes: 0 })
  now += 61_000
  await reader.read('x', 1000)
  expect(entriesIn(reader.folder)).toHaveLength(1)
})

it('leaves the disk the room that others need', async () => {
  await using reader = await aReader({ reservedBytes: Number.MAX_SAFE_INTEGER })
  for (const name of ['x', 'y']) await reader.read(name, 100_000)
  expect(entriesIn(reader.folder)).toEqual([])
  expect(reader.messages).toHaveLength(1)
})

it('tells stores apart that have the same keys and ETags', async () => {
  await using temporary = await temporaryFolder()
  const cache = new PayloadCache({ folder: temporary.path, reservedBytes: 0 })
  const first = new MemoryObjectMount()
  const mounts = [first, new MemoryObjectMount({ beside: first }), new MemoryObjectMount()]
  for (const [index, mount] of mounts.entries()) {
    await mount.write('a.txt', Buffer.from(`bytes ${index}`))
  }
  expect(
    new Set(await Promise.all(mounts.map(async (mount) => (await mount.head('a.txt'))?.etag))).size,
  ).toBe(1)
  for (const _ of [1, 2]) {
    for (const [index, mount] of mounts.entries()) {
      const registry = await openRegistry(mount, { layout: 'plain', cache })
      const { body } = await registry.open('a.txt')
      expect(String(Buffer.from(await bytesOf(body, 100)))).toBe(`bytes ${index}`)
    }
  }
  expect(entriesIn(temporary.path)).toHaveLength(3)
})

it('refuses limits and folders that are none', () => {
  for (const options of [
    { folder: 'x', maxBytes: 0 },
    { folder: 'x', maxBytes: 1.5 },
    { folder: 'x', maxBytes: -1 },
    { folder: '' },
  ]) {
    expect(() => new PayloadCache(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    )
  }
})
