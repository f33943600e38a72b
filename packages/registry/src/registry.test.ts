import { bytesOf } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import { MemoryMount, MemoryObjectMount } from './mounts/memory/index.ts'
import { openRegistry, type Registry } from './registry.ts'
import { collect } from './testing/collect.ts'
import { aPutItem, chaosMount, describeRegistry } from './testing/index.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = async (registry: Registry, name: string, version?: string) =>
  new TextDecoder().decode(await bytesOf((await registry.open(name, { version })).body, 1e9))

const memoryRegistry = (options = {}) => openRegistry(new MemoryMount(), options)
const lakeOptions = { mutable: true, versionObjects: true }

describeRegistry('memory', { create: () => new MemoryMount() })
describeRegistry('memory, as an object store', { create: () => new MemoryObjectMount() })

describe('in folders', () => {
  it("refuses a name among another object's files, either way round, and no more than that", async () => {
    const registry = await memoryRegistry(lakeOptions)
    await registry.put('a', bytes('x'))
    await expect(registry.put('a/1.0.0', bytes('y'))).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(registry.put('a/1.0.0/b', bytes('y'))).rejects.toMatchObject({ code: 'CONFLICT' })
    await registry.put('a/2.0.0/train/img', bytes('y'))
    const second = registry.put('a', bytes('y'), { version: '2.0.0' })
    await expect(second).rejects.toMatchObject({ code: 'CONFLICT' })
    await registry.put('a', bytes('y'), { version: '3' })
    expect(await read(registry, 'a/2.0.0/train/img')).toBe('y')
  })

  it('removes what a crash left where a new object goes', async () => {
    const mount = new MemoryMount()
    await mount.write('x/1.0.0/other.txt', bytes('left'))
    const registry = await openRegistry(mount)
    await registry.put('x', bytes('new'))
    expect((await collect(mount.list('x/'))).map(({ key }) => key)).toEqual(['x/1.0.0/data.txt'])
  })

  it('removes the document first', async () => {
    const mount = new MemoryMount()
    const whole = await openRegistry(mount)
    await whole.put('x', bytes('x'))
    const chaos = chaosMount(mount, [
      { operation: 'delete', keyIncludes: 'data.txt', error: new Error('broken') },
    ])
    const registry = await openRegistry(chaos)
    await expect(registry.delete('x')).rejects.toThrow('broken')
    expect(await whole.has('x')).toBe(false)
    await whole.put('x', bytes('new'))
    expect(await read(whole, 'x')).toBe('new')
  })
  it('never lists the folder of all documents to find or store one object', async () => {
    const mount = new MemoryMount()
    const chaos = chaosMount(mount, [])
    const registry = await openRegistry(chaos, lakeOptions)
    await registry.put('flat', bytes('1'))
    await registry.put('flat', bytes('2'))
    await registry.putMany([aPutItem({ name: 'other' }), aPutItem({ name: 'deep/er' })])
    await registry.open('flat')
    await registry.versions('flat')
    await registry.info('flat')
    const lists = chaos.calls.filter(({ operation }) => operation.startsWith('list'))
    expect(
      lists.map(({ key }) => key).filter((key) => !/^(?:flat|other|deep\/er)\//.test(key)),
    ).toEqual([])
  })
})
