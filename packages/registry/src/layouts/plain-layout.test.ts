import { bytesOf } from '@mindtrace/core'
import { expect, it } from 'vitest'
import { MemoryMount } from '../mounts/memory/index.ts'
import { openRegistry } from '../registry.ts'
import { collect } from '../testing/collect.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)

async function plainRegistry() {
  const mount = new MemoryMount()
  await mount.write('JPEGImages/1.jpg', text('picture'))
  await mount.write('JPEGImages/a@b.jpg', text('odd name'))
  await mount.write('note.txt', text('note'))
  return { mount, registry: await openRegistry(mount, { layout: 'plain' }) }
}

it('takes what lies there as objects under their keys', async () => {
  const { mount, registry } = await plainRegistry()
  expect(await collect(registry.list())).toEqual([
    'JPEGImages/1.jpg',
    'JPEGImages/a@b.jpg',
    'note.txt',
  ])
  expect(await registry.versions('note.txt')).toEqual(['1.0.0'])
  expect(await registry.versions('none')).toEqual([])
  expect(await registry.has('note.txt')).toBe(true)
  expect(await registry.info('JPEGImages/1.jpg')).toMatchObject({
    sizeBytes: 7,
    files: ['1.jpg'],
    version: '1.0.0',
    className: 'builtins.bytes',
    sha256: undefined,
  })
  const opened = await registry.open('JPEGImages/a@b.jpg', { range: { start: 0, end: 3 } })
  expect(new TextDecoder().decode(await bytesOf(opened.body, 100))).toBe('odd')
  expect(opened.etag).toBe((await mount.head('JPEGImages/a@b.jpg'))?.etag)
  await expect(registry.open('none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(registry.open('../x')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

it('changes nothing', async () => {
  const { mount, registry } = await plainRegistry()
  const before = await collect(mount.list(''))
  const refused = { code: 'READ_ONLY' }
  await expect(registry.put('x', text('x'))).rejects.toMatchObject(refused)
  await expect(registry.delete('note.txt')).rejects.toMatchObject(refused)
  const options = { contentType: 'text/plain', expiresInMs: 1000 }
  await expect(registry.uploads.begin('u', options)).rejects.toMatchObject(refused)
  expect(() => registry.collectGarbage({ olderThanMs: 0 })).toThrow('read-only')
  expect(await collect(mount.list(''))).toEqual(before)
  const versioned = openRegistry(mount, { layout: 'plain', versionObjects: true })
  await expect(versioned).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
