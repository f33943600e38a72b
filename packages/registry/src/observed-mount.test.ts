import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { recordingTracer, temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import type { FileMount, Mount, ObjectMount } from './mount.ts'
import { LocalMount } from './mounts/local/local-mount.ts'
import { MemoryMount } from './mounts/memory/memory-mount.ts'
import { MemoryObjectMount } from './mounts/memory/memory-object-mount.ts'
import { observedMount } from './observed-mount.ts'
import { collect } from './testing/collect.ts'
import { chaosMount, describeMount } from './testing/index.ts'

function observed<M extends Mount>(mount: M) {
  const traffic = { readBytes: 0, writtenBytes: 0 }
  const { spans, tracer } = recordingTracer()
  const around = observedMount(mount, { name: 'main', traffic, tracer }) as M
  return { mount: around, traffic, spans }
}

describeMount('local, observed', {
  create: async () => {
    const folder = await temporaryFolder()
    const { mount } = observed(new LocalMount(join(folder.path, 'lake')))
    return new Proxy(mount, {
      get: (target, property) =>
        property === Symbol.asyncDispose
          ? async () => {
              await target[Symbol.asyncDispose]()
              await folder[Symbol.asyncDispose]()
            }
          : Reflect.get(target, property),
    })
  },
})

describeMount('memory as an object store, observed', {
  create: () => observed(new MemoryObjectMount()).mount,
  keepsBytesInMemory: true,
  signsRequests: false,
})

const bytes = (count: number) => new Uint8Array(count)

test('counts what is opened for reading, by the range, and what is written in any way', async () => {
  const { mount, traffic } = observed<FileMount>(new MemoryMount())
  await mount.write('a', bytes(1_000))
  const staged = await mount.stage(bytes(500))
  await mount.publish([{ key: 'b', staged }])
  expect(traffic).toEqual({ readBytes: 0, writtenBytes: 1_500 })
  for (const range of [
    undefined,
    { start: 900 },
    { start: 10, end: 20 },
    { start: 0, end: 5_000 },
  ]) {
    await bytesOf((await mount.read('a', { range })).body, 10_000)
  }
  expect(traffic.readBytes).toBe(1_000 + 100 + 10 + 1_000)
  await expect(mount.read('none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(traffic.readBytes).toBe(2_110)

  const store = observed<ObjectMount>(new MemoryObjectMount())
  const upload = await store.mount.beginParts('c')
  const part = await store.mount.writePart(upload, 1, bytes(300))
  await store.mount.completeParts(upload, [part])
  expect(store.traffic.writtenBytes).toBe(300)
})

test('gives each call to the store a span that names the mount and no key', async () => {
  const { mount, spans } = observed<FileMount>(new MemoryMount())
  await mount.write('secret/key', bytes(1))
  await mount.ping()
  await mount.head('secret/key')
  for await (const _ of mount.list('secret')) break
  await expect(mount.read('secret/none')).rejects.toThrow()
  expect(spans.map(({ name }) => name)).toEqual([
    'mount write',
    'mount ping',
    'mount head',
    'mount list',
    'mount read',
  ])
  expect(spans.every(({ ended }) => ended)).toBe(true)
  expect(spans.map(({ attributes }) => attributes)).toEqual(
    spans.map(() => ({ 'mindtrace.mount': 'main' })),
  )
  expect(spans.map(({ error }) => error === undefined)).toEqual([true, true, true, true, false])
})

test('a list that breaks off ends its span with the error', async () => {
  const failure = new Error('gone')
  const failing = chaosMount(new MemoryMount(), [{ operation: 'list', error: failure }])
  const { mount, spans } = observed<Mount>(failing)
  await expect(collect(mount.list(''))).rejects.toBe(failure)
  expect(spans).toEqual([
    { name: 'mount list', attributes: { 'mindtrace.mount': 'main' }, error: failure, ended: true },
  ])
})
