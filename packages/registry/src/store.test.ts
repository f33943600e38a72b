import { describe, expect, it } from 'vitest'
import { MemoryMount } from './mounts/memory/index.ts'
import { openRegistry } from './registry.ts'
import { Store } from './store.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

async function aStore() {
  const temp = await openRegistry(new MemoryMount())
  const m = await openRegistry(new MemoryMount(), { readOnly: true })
  return new Store({ temp, m }, { defaultMount: 'temp' })
}

describe('keys', () => {
  it.each([
    ['m/x', 'm', 'x', undefined],
    ['m/x@2', 'm', 'x', '2'],
    ['m/nested/path', 'm', 'nested/path', undefined],
    ['x/y', undefined, 'x/y', undefined],
    ['unknown/x@1', undefined, 'unknown/x', '1'],
    ['m', undefined, 'm', undefined],
    ['m@1', undefined, 'm', '1'],
    ['m//x', 'm', '/x', undefined],
    [' temp/x@ ', 'temp', 'x', ''],
    ['a@1@2', undefined, 'a', '1@2'],
  ])('%j', async (key, mount, name, version) => {
    expect((await aStore()).parseKey(key)).toEqual({ mount, name, version })
  })

  it.each(['', '  ', 'm/', '@1', 'm/@1'])('refuses %j', async (key) => {
    const store = await aStore()
    expect(() => store.parseKey(key)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })

  it('are made of refs', async () => {
    const store = await aStore()
    expect(store.formatKey({ mount: 'm', name: 'x', version: '1.0.0' })).toBe('m/x@1.0.0')
    expect(store.formatKey({ mount: 'm', name: 'x', version: null })).toBe('m/x')
    expect(() => store.formatKey({ mount: 'no', name: 'x' })).toThrow(/temp, m/)
  })
})

describe('mounts', () => {
  it('are described in order', async () => {
    const settings = { mutable: false, versionObjects: false, versionDigits: 3 }
    expect((await aStore()).mounts()).toEqual([
      { name: 'temp', location: 'memory:', readOnly: false, isDefault: true, settings },
      { name: 'm', location: 'memory:', readOnly: true, isDefault: false, settings },
    ])
  })

  it('refuse unknown, taken and bad names, and writes where reading only is allowed', async () => {
    const store = await aStore()
    const registry = store.registry()
    expect(() => store.registry('no')).toThrow(/no mount 'no'; configured are: temp, m/)
    expect(() => store.add('m', registry)).toThrow(expect.objectContaining({ code: 'DUPLICATE' }))
    for (const name of ['', 'a/b', 'a@b']) {
      expect(() => store.add(name, registry)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      )
    }
    expect(() => store.writable('m')).toThrow(expect.objectContaining({ code: 'READ_ONLY' }))
    expect(store.writable()).toBe(registry)
    expect(() => new Store({ registry }, { defaultMount: 'x' })).toThrow(/registry/)
  })
})

it('finds an unqualified object where it is, and says when that is not one place', async () => {
  const a = await openRegistry(new MemoryMount())
  const b = await openRegistry(new MemoryMount())
  await using store = new Store({ a, b })
  await b.put('x/y', bytes('x'))
  expect(await store.find('x/y')).toMatchObject({ mount: 'b', name: 'x/y', version: undefined })
  expect(await store.find('a/other@latest')).toMatchObject({ mount: 'a', version: undefined })
  await expect(store.find('z')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await a.put('x/y', bytes('x'))
  await expect(store.find('x/y')).rejects.toMatchObject({ code: 'CONFLICT' })
})

it('copies objects between mounts by their refs', async () => {
  const options = { versionObjects: true }
  const a = await openRegistry(new MemoryMount(), options)
  const b = await openRegistry(new MemoryMount(), options)
  const c = await openRegistry(new MemoryMount(), { readOnly: true })
  await using store = new Store({ a, b, c })
  await a.put('x', bytes('one'), { metadata: { state: 1 } })
  await a.put('x', bytes('two'), { metadata: { state: 2 } })
  const source = { mount: 'a', name: 'x', version: '1.0.0' }
  const copy = (target: object, from: object = {}) =>
    store.copy({ ...source, ...from }, { mount: 'b', name: 'y', ...target })
  expect(await copy({})).toMatchObject({ name: 'y', version: '1.0.0', metadata: { state: 1 } })
  expect(await copy({}, { version: null })).toMatchObject({
    version: '1.0.1',
    metadata: { state: 2 },
  })
  expect(await copy({ version: '7' }, { version: 'latest' })).toMatchObject({ version: '7.0.0' })
  await expect(copy({ version: '7' })).rejects.toMatchObject({ code: 'DUPLICATE' })
  await expect(copy({ mount: 'c' })).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(copy({ mount: 'no' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(copy({}, { mount: 'no' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(copy({}, { version: '9' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
