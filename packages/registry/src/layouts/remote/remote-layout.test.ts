import { bytesOf, MindtraceError } from '@mindtrace/core'
import { describe, expect, it } from 'vitest'
import { MemoryObjectMount } from '../../mounts/memory/index.ts'
import { openRegistry } from '../../registry.ts'
import { collect } from '../../testing/collect.ts'
import { aPutItem, chaosMount, someBytes, someStream } from '../../testing/index.ts'

const text = (bytes: string) => new TextEncoder().encode(bytes)
const mutable = { mutable: true, versionObjects: true }
const keysOf = async (mount: MemoryObjectMount) =>
  (await collect(mount.list(''))).map(({ key }) => key)
const unavailable = () => new MindtraceError('UNAVAILABLE', 'no answer')

/** A mount whose writes of documents are carried out, while the answer is lost. */
function losingAnswers(mount: MemoryObjectMount, times: number): MemoryObjectMount {
  let left = times
  return new Proxy(mount, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'write') return typeof value === 'function' ? value.bind(target) : value
      return async (...args: Parameters<MemoryObjectMount['write']>) => {
        const written = await target.write(...args)
        if (args[0].startsWith('_meta_') && left-- > 0) throw unavailable()
        return written
      }
    },
  })
}

describe('requests', () => {
  it('of one put are a plan, a payload, a document under a condition, and the end of the plan', async () => {
    const chaos = chaosMount(new MemoryObjectMount(), [])
    const registry = await openRegistry(chaos, { mutable: false })
    await registry.put('first', text('settings are written once'))
    const before = chaos.calls.length
    await registry.put('vault/cat', text('x'))
    const calls = chaos.calls.slice(before)
    expect(calls.map(({ operation }) => operation)).toEqual(['write', 'write', 'write', 'delete'])
    expect(calls[0]?.key).toMatch(/^_staging\/vault%2Fcat\/1\.0\.0\/[0-9a-f-]{36}\.json$/)
    expect(calls[1]?.key).toMatch(/^objects\/vault\/cat\/1\.0\.0\/[0-9a-f-]{36}\/data\.txt$/)
    expect(calls[2]?.key).toBe('_meta_vault/cat@1.0.0.json')
  })

  it('of a group share one plan', async () => {
    const chaos = chaosMount(new MemoryObjectMount(), [])
    const registry = await openRegistry(chaos)
    await registry.put('first', text('x'))
    const before = chaos.calls.length
    const items = Array.from({ length: 50 }, (_, index) => aPutItem({ name: `n/${index}` }))
    await registry.putMany(items)
    expect(chaos.calls.length - before).toBe(1 + 50 * 2 + 1)
  })

  it('of a read are the document and the payload', async () => {
    const chaos = chaosMount(new MemoryObjectMount(), [])
    const registry = await openRegistry(chaos)
    await registry.put('x', text('x'))
    const before = chaos.calls.length
    await (await registry.open('x')).body.cancel()
    expect(chaos.calls.slice(before).map(({ operation }) => operation)).toEqual(['read', 'read'])
  })

  it('spare the bytes of big objects that exist already', async () => {
    const chaos = chaosMount(new MemoryObjectMount(), [])
    const registry = await openRegistry(chaos)
    await registry.put('x', someStream(3_000_000))
    const before = chaos.calls.length
    await expect(registry.put('x', someStream(3_000_000))).rejects.toMatchObject({
      code: 'DUPLICATE',
    })
    expect(chaos.calls.slice(before).map(({ operation }) => operation)).toEqual(['read'])
  })
})

describe('an answer that is lost', () => {
  it('does not make a stored object a conflict, nor drop its payload', async () => {
    const mount = new MemoryObjectMount()
    const registry = await openRegistry(losingAnswers(mount, 1), mutable)
    const { version } = await registry.put('x', text('one'))
    expect(version).toBe('1.0.0')
    expect(await registry.verify('x')).toBe(true)
  })

  it('leaves payload and plan where nobody can say whether the document was written', async () => {
    const mount = new MemoryObjectMount()
    const failures = [
      { operation: 'write', keyIncludes: '_meta_', error: unavailable, times: 1 },
      { operation: 'read', keyIncludes: '_meta_', afterCalls: 1, error: unavailable, times: 1 },
    ] as const
    const registry = await openRegistry(chaosMount(mount, failures))
    await expect(registry.put('x', someStream(2_000_000))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    const left = await keysOf(mount)
    expect(left.filter((key) => key.startsWith('objects/'))).toHaveLength(1)
    expect(left.filter((key) => key.startsWith('_staging/'))).toHaveLength(1)
    await registry.put('x', text('again'))
    expect(await registry.verify('x')).toBe(true)
  })
})

describe('writers at once', () => {
  it('number versions apart, streams included', async () => {
    const mount = new MemoryObjectMount()
    const puts = Array.from({ length: 24 }, async (_, index) => {
      const registry = await openRegistry(mount, mutable)
      const body = index % 3 === 0 ? someStream(1_200_000) : text(`writer ${index}`)
      return (await registry.put('x', body)).version
    })
    const versions = await Promise.all(puts)
    expect(new Set(versions).size).toBe(24)
    const registry = await openRegistry(mount)
    for (const version of versions) expect(await registry.verify('x', { version })).toBe(true)
    const payloads = (await keysOf(mount)).filter((key) => key.startsWith('objects/'))
    expect(payloads).toHaveLength(24)
    expect((await keysOf(mount)).filter((key) => key.startsWith('_staging/'))).toEqual([])
  })

  it('replace one another without a trace, whoever comes last', async () => {
    const mount = new MemoryObjectMount()
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const registry = await openRegistry(mount, { mutable: true })
        await registry.put('x', text(`writer ${index}`))
      }),
    )
    const registry = await openRegistry(mount)
    expect(await registry.verify('x')).toBe(true)
    expect((await keysOf(mount)).filter((key) => key.startsWith('objects/'))).toHaveLength(1)
  })

  it('have one winner where objects do not change', async () => {
    const mount = new MemoryObjectMount()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, index) => {
        const registry = await openRegistry(mount)
        return registry.put('x', text(`writer ${index}`))
      }),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await keysOf(mount)).filter((key) => key.startsWith('objects/'))).toHaveLength(1)
  })
})

describe('any call that fails', () => {
  const operations = ['write', 'read', 'delete', 'copy', 'list', 'head'] as const

  it('leaves the old object or the new one, and nothing that cannot be collected', async () => {
    for (const operation of operations) {
      for (let step = 0; step < 8; step++) {
        const mount = new MemoryObjectMount()
        const whole = await openRegistry(mount, { mutable: true })
        await whole.put('x', text('old'), { metadata: { state: 'old' } })
        const failure = { operation, afterCalls: step, times: 1, error: unavailable }
        const chaos = chaosMount(mount, [failure])
        const outcome = await openRegistry(chaos)
          .then((registry) => registry.put('x', someBytes(2_000), { metadata: { state: 'new' } }))
          .then(
            () => 'new',
            () => 'either',
          )
        const { metadata } = await whole.info('x')
        if (outcome === 'new') expect(metadata).toEqual({ state: 'new' })
        expect(await whole.verify('x')).toBe(true)
        for await (const _ of whole.collectGarbage({ olderThanMs: -90_000_000 }));
        expect(await whole.verify('x')).toBe(true)
        expect(
          (await keysOf(mount)).filter((key) => /^(?:objects|_staging)/.test(key)),
        ).toHaveLength(1)
      }
    }
  })

  it('of a delete leaves an object or none', async () => {
    for (let step = 0; step < 6; step++) {
      for (const operation of operations) {
        const mount = new MemoryObjectMount()
        const whole = await openRegistry(mount)
        await whole.put('x', text('x'))
        const failure = { operation, afterCalls: step, times: 1, error: unavailable }
        const registry = await openRegistry(chaosMount(mount, [failure])).catch(() => undefined)
        await registry?.delete('x').catch(() => {})
        if (await whole.has('x')) expect(await whole.verify('x')).toBe(true)
        await whole.delete('x')
        for await (const _ of whole.collectGarbage({ olderThanMs: -90_000_000 }));
        expect(await keysOf(mount)).toEqual(['registry_metadata.json'])
      }
    }
  })
})

describe('garbage', () => {
  it('is what no document names and no live plan holds', async () => {
    const mount = new MemoryObjectMount()
    const registry = await openRegistry(mount, mutable)
    await registry.put('a/b', text('kept'))
    const uuid = crypto.randomUUID()
    const held = crypto.randomUUID()
    await mount.write(`objects/a/b/1.0.0/${uuid}/data.txt`, text('left by a crash'))
    await mount.write(`objects/c/1.0.0/${held}/data.txt`, text('on its way'))
    const plan = {
      name: 'c',
      version: '1.0.0',
      uuid: held,
      expires_at: '2999-01-01T00:00:00+00:00',
    }
    await mount.write(`_staging/c/1.0.0/${held}.json`, text(JSON.stringify(plan)))
    await mount.write('objects/not/a/payload', text('somebody else’s'))
    await mount.write('_direct_uploads/u1/data.txt', text('abandoned'))
    const found = await collect(registry.collectGarbage({ olderThanMs: -1000, dryRun: true }))
    const expected = [`objects/a/b/1.0.0/${uuid}/data.txt`, '_direct_uploads/u1/data.txt']
    expect(found.map(({ key }) => key)).toEqual(expected)
    expect((await keysOf(mount)).length).toBe(8)
    expect(await collect(registry.collectGarbage({ olderThanMs: 3_600_000 }))).toEqual([])
    expect(await collect(registry.collectGarbage({ olderThanMs: -1000 }))).toEqual(found)
    expect((await keysOf(mount)).length).toBe(6)
    expect(await registry.verify('a/b')).toBe(true)
  })

  it('does not include payloads of names that look like payload folders', async () => {
    const registry = await openRegistry(new MemoryObjectMount())
    const name = `a/1.0.0/${crypto.randomUUID()}/b`
    await registry.put(name, text('x'))
    expect(await collect(registry.collectGarbage({ olderThanMs: -1000 }))).toEqual([])
    expect(await registry.verify(name)).toBe(true)
  })
})

it('reads documents with the bare tokens of Python', async () => {
  const mount = new MemoryObjectMount()
  const registry = await openRegistry(mount)
  await registry.put('x', text('x'))
  const { body } = await mount.read('_meta_x@1.0.0.json')
  const document = new TextDecoder().decode(await bytesOf(body, 1e6))
  await mount.write(
    '_meta_x@1.0.0.json',
    text(document.replace(/"metadata": ?\{\}/, '"metadata": {"a": NaN, "b": [-Infinity]}')),
  )
  expect((await registry.info('x')).metadata).toEqual({ a: Number.NaN, b: [-Infinity] })
})

it('says so when a document does not tell where its files lie', async () => {
  const mount = new MemoryObjectMount()
  const registry = await openRegistry(mount)
  await mount.write(
    '_meta_x@1.0.0.json',
    text('{"class": "builtins.bytes", "materializer": "x", "_files": ["data.txt"]}'),
  )
  await expect(registry.open('x')).rejects.toMatchObject({ code: 'CORRUPT' })
  await registry.delete('x')
  expect(await registry.has('x')).toBe(false)
})
