import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { openMount, parseMountUrl } from './mount-url.ts'
import { openLocalMount } from './mounts/local/index.ts'
import { openMemoryMount } from './mounts/memory/index.ts'

const openers = { file: openLocalMount, memory: openMemoryMount }

it('takes the settings of a registry from an address', () => {
  const { scheme, registry, parameters } = parseMountUrl(
    's3://bucket/prefix?read_only=true&mutable=1&version_objects=false&version_digits=2&content_hash=v1&region=eu-1',
  )
  expect(scheme).toBe('s3')
  expect(registry).toEqual({
    readOnly: true,
    mutable: true,
    versionObjects: false,
    versionDigits: 2,
    contentHash: 'v1',
  })
  expect([...parameters]).toEqual([['region', 'eu-1']])
})

it('takes from an address whether payloads may be kept here', () => {
  expect(parseMountUrl('s3://bucket').useCache).toBe(true)
  expect(parseMountUrl('s3://bucket?use_cache=true').useCache).toBe(true)
  expect(parseMountUrl('gs://bucket?use_cache=false').useCache).toBe(false)
  expect(() => parseMountUrl('s3://bucket?use_cache=maybe')).toThrow('use_cache is true or false')
})

describe('openMount', () => {
  it('opens a folder, with defaults for what is new and what is stored later on', async () => {
    await using folder = await temporaryFolder()
    const url = `file://${folder.path}/with%20space`
    const defaults = { mutable: true, versionObjects: true }
    const first = await openMount(url, { openers, defaults })
    await first.put('x', new Uint8Array(1))
    expect(first.mount.location).toBe(`${folder.path}/with space`)
    const second = await openMount(url, { openers })
    expect(second.settings).toEqual({ mutable: true, versionObjects: true, versionDigits: 3 })
    await expect(openMount(`${url}?mutable=false`, { openers })).rejects.toMatchObject({
      code: 'CONFLICT',
    })
  })

  it.each([
    '/plain/path',
    'ftp://host/x',
    'toString:x',
    'memory:?mutable=maybe',
    'memory:?mutable=true&mutable=false',
    'memory:?colour=red',
    'memory:?version_digits=0',
    'file:///x?durability=often',
    'file://host/x',
    's3://key:secret@bucket',
  ])('refuses %j', async (url) => {
    await expect(openMount(url, { openers })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})
