import { bytesOf, MindtraceError, streamOf } from '@mindtrace/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeIngestFrames, encodeIngestFrames } from './ingest-frames.ts'
import type { IngestItem, IngestPayload } from './lake.ts'
import { IngestSample } from './model/ingest.ts'

const MiB = 1024 * 1024

function anItem(key: string, bytes: Record<string, Uint8Array<ArrayBuffer>>): IngestItem {
  const assets = Object.fromEntries(
    Object.entries(bytes).map(([role, { byteLength }]) => [
      role,
      { kind: 'image', media_type: 'image/png', size_bytes: byteLength },
    ]),
  )
  return {
    sample: IngestSample.parse({ source_key: key, ordinal: 0, assets }),
    payloads: bytes,
  }
}

async function encoded(items: IngestItem[]): Promise<Uint8Array> {
  return bytesOf(encodeIngestFrames(items), 100 * MiB)
}

function inChunks(bytes: Uint8Array, sizes: readonly number[]): ReadableStream<Uint8Array> {
  let offset = 0
  let turn = 0
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.byteLength) return controller.close()
      const size = sizes[turn++ % sizes.length] ?? 1
      controller.enqueue(bytes.subarray(offset, offset + size))
      offset += size
    },
  })
}

async function whole(payload: IngestPayload | undefined): Promise<Uint8Array> {
  if (payload === undefined) throw new Error('no payload')
  return payload instanceof Uint8Array ? payload : bytesOf(await payload(), 100 * MiB)
}

async function decoded(stream: ReadableStream<Uint8Array>) {
  const items: { sample: IngestSample; payloads: Record<string, Uint8Array> }[] = []
  for await (const { sample, payloads } of decodeIngestFrames(stream)) {
    const read: Record<string, Uint8Array> = {}
    for (const [role, payload] of Object.entries(payloads)) read[role] = await whole(payload)
    items.push({ sample, payloads: read })
  }
  return items
}

test('gives back what was sent, however the body is cut into chunks', async () => {
  const role = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__')
  const items = fc.array(
    fc.tuple(
      fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc.dictionary(role, fc.uint8Array({ maxLength: 300 }), { maxKeys: 3 }),
    ),
    { maxLength: 5 },
  )
  const chunkSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(items, chunkSizes, async (drawn, sizes) => {
      const sent = drawn.map(([key, bytes]) => anItem(key, { ...bytes } as never))
      const received = await decoded(inChunks(await encoded(sent), sizes))
      expect(received.map(({ sample }) => sample)).toEqual(sent.map(({ sample }) => sample))
      for (const [index, { payloads }] of received.entries()) {
        for (const [name, bytes] of Object.entries(payloads)) {
          expect(Buffer.from(bytes)).toEqual(Buffer.from(sent[index]?.payloads[name] as never))
        }
      }
    }),
  )
})

test('hands out small payloads whole and streams large ones, with those behind them', async () => {
  const large = new Uint8Array(3 * MiB).fill(7)
  const item = anItem('a', { icon: Uint8Array.of(1), image: large, mask: Uint8Array.of(2) })
  const body = inChunks(await encoded([item, item]), [64 * 1024])
  let seen = 0
  for await (const { payloads } of decodeIngestFrames(body)) {
    expect(payloads.icon).toEqual(Uint8Array.of(1))
    expect(payloads.image).toBeTypeOf('function')
    expect(Buffer.compare(await whole(payloads.image), large)).toBe(0)
    expect(await whole(payloads.mask)).toEqual(Uint8Array.of(2))
    seen += 1
  }
  expect(seen).toBe(2)
})

test('skips payloads that nobody opened or that were cancelled, and refuses to open them late', async () => {
  const item = anItem('a', { image: new Uint8Array(2 * MiB), mask: new Uint8Array(2 * MiB) })
  const taken: IngestItem[] = []
  for await (const received of decodeIngestFrames(streamOf(await encoded([item, item, item])))) {
    taken.push(received)
    const { image } = received.payloads
    if (taken.length === 2) await (await (image as () => Promise<ReadableStream>)()).cancel()
  }
  expect(taken).toHaveLength(3)
  await expect(whole(taken[0]?.payloads.image)).rejects.toMatchObject({ code: 'INTERNAL' })
})

test('refuses to go on while a payload is being read', async () => {
  const item = anItem('a', { image: new Uint8Array(2 * MiB) })
  const items = decodeIngestFrames(inChunks(await encoded([item, item]), [1024]))
  const first = await items.next()
  const open = first.value?.payloads.image as () => Promise<ReadableStream>
  await (await open()).getReader().read()
  await expect(items.next()).rejects.toMatchObject({ code: 'INTERNAL' })
})

test('opens a source when it is its turn, and no earlier than it is pulled', async () => {
  const opened: string[] = []
  function* items(): Generator<IngestItem> {
    for (const key of ['a', 'b', 'c']) {
      const item = anItem(key, { image: new Uint8Array(200_000) })
      const open = () => {
        opened.push(key)
        return streamOf(new Uint8Array(200_000))
      }
      yield { ...item, payloads: { image: open } }
    }
  }
  const reader = encodeIngestFrames(items()).getReader()
  expect(opened).toEqual([])
  await reader.read()
  await reader.read()
  expect(opened).toEqual(['a'])
  await reader.cancel()
  expect(opened).toEqual(['a'])
})

test('carries no bytes of assets in place, and takes none', async () => {
  const item = anItem('a', { image: Uint8Array.of(1, 2), mask: Uint8Array.of(3) })
  const { image, mask } = item.sample.assets as { image: object; mask: object }
  const sample = IngestSample.parse({
    ...item.sample,
    assets: { image: { ...image, in_place: { mount: 'm', name: 'a/b.jpg' } }, mask },
  })
  const body = await encoded([{ sample, payloads: { mask: Uint8Array.of(3) } }])
  expect(await decoded(streamOf(body))).toEqual([{ sample, payloads: { mask: Uint8Array.of(3) } }])
  const header = `${JSON.stringify({ sample })}\n{"payload":{"role":"image","size":2}}\n`
  await expect(decoded(streamOf(new TextEncoder().encode(header)))).rejects.toThrow(
    'ingest frame 2: the payload mask with its size should stand here',
  )
})

test('fails when a source has another size than its sample says', async () => {
  for (const size of [9, 11]) {
    const item = anItem('a', { image: new Uint8Array(10) })
    const open = () => streamOf(new Uint8Array(size))
    await expect(encoded([{ ...item, payloads: { image: open } }])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('payload image of sample a'),
    })
  }
  await expect(
    encoded([{ ...anItem('a', { image: new Uint8Array(1) }), payloads: {} }]),
  ).rejects.toThrow('payload image of sample a is missing')
})

test('notices every way in which a body can be cut off', async () => {
  const body = await encoded([anItem('a', { image: Uint8Array.of(1, 2, 3) })])
  for (let size = 0; size < body.byteLength; size++) {
    await expect(decoded(streamOf(body.subarray(0, size)))).rejects.toBeInstanceOf(MindtraceError)
  }
})

test.each([
  ['not json\n', 'ingest frame 1: no JSON'],
  ['[]\n{}', 'ingest frame 1: a sample or the end'],
  ['{"end":{"samples":1}}\n', 'ingest frame 1: 0 samples came, but the end says 1'],
  ['{"end":{"samples":0}}\nmore', 'ingest frame 1: bytes follow the end'],
  ['{"sample":{"source_key":"a"}}\n', 'frame 1: sample does not fit: ordinal'],
  [`{"sample":{"source_key":"${'x'.repeat(MiB)}`, 'a line of more than 1048576 bytes'],
  [
    '{"sample":{"source_key":"a","ordinal":0,"assets":{"i":{"kind":"image","media_type":"x","size_bytes":1}}}}\n{"payload":{"role":"j","size":1}}\n',
    'ingest frame 2: the payload i with its size',
  ],
  [
    '{"sample":{"source_key":"a","ordinal":0,"assets":{"i":{"kind":"image","media_type":"x","size_bytes":1}}}}\n{"payload":{"role":"i","size":1}}\nxy\n',
    'ingest frame 2: no line feed after a payload',
  ],
])('names the frame that is malformed: %.40s', async (text, message) => {
  await expect(decoded(streamOf(new TextEncoder().encode(text)))).rejects.toThrow(message)
})
