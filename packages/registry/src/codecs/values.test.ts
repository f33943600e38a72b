import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Artifact } from '../encoding.ts'
import { MemoryMount } from '../mounts/memory/index.ts'
import { openRegistry } from '../registry.ts'
import {
  bytesCodec,
  type Codec,
  configCodec,
  containerCodec,
  filesOf,
  float,
  load,
  mapCodec,
  modelCodec,
  openFiles,
  save,
  scalarCodec,
  tupleCodec,
} from './index.ts'
import { materializers } from './materializers.ts'

const aRegistry = () => openRegistry(new MemoryMount(), { versionObjects: true })
const textOf = ({ files }: Artifact) => new TextDecoder().decode(files[0]?.body as Uint8Array)
const stored = (artifact: Partial<Artifact>, text: string, path = 'data.json') =>
  filesOf({
    className: 'builtins.dict',
    materializer: materializers.container,
    ...artifact,
    files: [{ path, body: new TextEncoder().encode(text) }],
  })

it.each([
  ['x', 'builtins.str', '"x"'],
  [true, 'builtins.bool', 'true'],
  [7, 'builtins.int', '7'],
  [2n ** 64n, 'builtins.int', '18446744073709551616'],
  [0.5, 'builtins.float', '0.5'],
  [float(2), 'builtins.float', '2.0'],
  [Number.NaN, 'builtins.float', 'NaN'],
  [-0, 'builtins.float', '-0.0'],
  [1e300, 'builtins.float', '1e+300'],
  [[1, [2]], 'builtins.list', '[1, [2]]'],
  [{ a: float(1) }, 'builtins.dict', '{"a": 1.0}'],
  [new Map([['b', null]]), 'builtins.dict', '{"b": null}'],
  [new Set(['a', 1]), 'builtins.set', '["a", 1]'],
])('stores %s as the Python type that comes closest', async (value, className, text) => {
  await using registry = await aRegistry()
  await save(registry, 'x', value)
  const files = await openFiles(registry, 'x')
  expect(files.object.className).toBe(className)
  expect(new TextDecoder().decode(await files.bytes('data.json'))).toBe(text)
})

it.each([[null], [undefined], [new Date(0)], [() => 1], [new Float32Array(2)], [Symbol('x')]])(
  'refuses %s with a remedy, and stores nothing',
  async (value) => {
    await using registry = await aRegistry()
    await expect(save(registry, 'x', value)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/cannot be stored; (wrap|store)/),
    })
    expect(await registry.has('x')).toBe(false)
  },
)

it('refuses sets that Python could not hold, and maps whose keys are no text', async () => {
  await using registry = await aRegistry()
  const values = [new Set([[1]]), new Set([{}]), new Map([[1, 2]]), { a: new Date(0) }]
  for (const value of values) {
    await expect(save(registry, 'x', value)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  }
})

it('stores streams, versions, metadata and content types like put', async () => {
  await using registry = await aRegistry()
  await save(registry, 'x', new Blob(['one']).stream(), { contentType: 'text/plain' })
  const second = await save(registry, 'x', 'two', { metadata: { by: 'me' } })
  expect(second).toMatchObject({ version: '1.0.1', metadata: { by: 'me' } })
  expect(await load(registry, 'x', { version: '1' })).toEqual(new TextEncoder().encode('one'))
  expect(await load(registry, 'x')).toBe('two')
  await expect(load(registry, 'x', { version: '3' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('reads what older writers left: keys and values apart', async () => {
  const files = stored({}, '[["a", 2], [1, [NaN]]]')
  expect(await containerCodec.decode(files)).toEqual({ a: 1, 2: [Number.NaN] })
  expect(await mapCodec.decode(files)).toEqual(
    new Map<string, unknown>([
      ['a', 1],
      ['2', [NaN]],
    ]),
  )
  for (const text of ['[["a"], []]', '[1, 2]', '[]', '"x"', '{']) {
    await expect(containerCodec.decode(stored({}, text))).rejects.toMatchObject({ code: 'CORRUPT' })
  }
})

it('takes the materializer for what decides, the class only for a hint', async () => {
  const list = stored({ className: 'myapp.Weird' }, '[["a"], [1]]')
  expect(await containerCodec.decode(list)).toEqual([['a'], [1]])
  await using registry = await aRegistry()
  await save(registry, 'x', [1])
  await expect(load(registry, 'x', { codec: scalarCodec })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('builtins.list'),
  })
})

it('holds no more in memory than it may', async () => {
  await using registry = await aRegistry()
  await save(registry, 'x', new Uint8Array(1000))
  await expect(load(registry, 'x', { limitBytes: 999 })).rejects.toMatchObject({
    code: 'TOO_LARGE',
  })
  expect(await load(registry, 'x', { limitBytes: 1000, codec: bytesCodec })).toHaveLength(1000)
})

describe('what only Python can read', () => {
  it.each([
    ['mindtrace.registry.archivers.builtin_materializers.CloudpickleMaterializer', 'artifact.pkl'],
    ['mindtrace.registry.archivers.builtin_materializers.BuiltInContainerMaterializer', 'data.pkl'],
    [
      'mindtrace.registry.archivers.integration_materializers.PyTorchModuleMaterializer',
      'model.pt',
    ],
    [
      'mindtrace.registry.archivers.integration_materializers.HFDatasetMaterializer',
      'hf_dataset/x',
    ],
    ['mindtrace.models.archivers.onnx.onnx_model_archiver.OnnxModelArchiver', 'model.onnx'],
    ['somebody.else.Archiver', 'what/ever.bin'],
  ])('%s is refused with all there is to know, and its files can be read', async (name, path) => {
    await using registry = await aRegistry()
    const body = new TextEncoder().encode("cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    const files = [{ path, body }]
    await registry.put('m', { className: 'torch.nn.Linear', materializer: name, files })
    await expect(load(registry, 'm')).rejects.toMatchObject({
      code: 'NOT_IMPLEMENTED',
      message: expect.stringContaining(`registry.openFile('m', '${path}')`),
      details: { class: 'torch.nn.Linear', materializer: name, files: [path] },
    })
    const opened = await openFiles(registry, 'm')
    expect(await opened.bytes(path)).toEqual(body)
  })
})

describe('models', () => {
  const Camera = z.object({ name: z.string(), at: z.object({ fps: z.array(z.number()) }) })
  const codec = modelCodec(Camera, 'myapp.Camera')
  const good = { name: 'é', at: { fps: [25, 0.5] } }

  it('are JSON within JSON, as pydantic keeps them', async () => {
    const artifact = await codec.encode(good)
    expect(artifact).toMatchObject({
      className: 'myapp.Camera',
      materializer: materializers.pydantic,
    })
    expect(textOf(artifact)).toBe('"{\\"name\\":\\"\\u00e9\\",\\"at\\":{\\"fps\\":[25,0.5]}}"')
    expect(await codec.decode(filesOf(artifact))).toEqual(good)
  })

  it('are checked both ways, and the path is named', async () => {
    const bad = { name: 'x', at: { fps: [1, 'two'] } }
    const failure = {
      code: 'VALIDATION_FAILED',
      message: expect.stringContaining("at 'at.fps.1'"),
      details: { issues: [expect.objectContaining({ path: ['at', 'fps', 1] })] },
    }
    expect(() => codec.encode(bad as never)).toThrow(expect.objectContaining(failure))
    const loose = modelCodec(z.any(), 'myapp.Camera')
    const files = filesOf(await loose.encode(bad))
    await expect(codec.decode(files)).rejects.toMatchObject(failure)
  })

  it('are plain objects without a schema', async () => {
    await using registry = await aRegistry()
    await save(registry, 'x', good, { codec })
    expect(await load(registry, 'x')).toEqual(good)
    expect(await load(registry, 'x', { codec })).toEqual(good)
  })

  it('may hold what is no JSON, by a codec of zod', async () => {
    const At = z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    })
    const dated = modelCodec(z.object({ at: At }), 'myapp.Dated')
    const value = { at: new Date(5) }
    expect(await dated.decode(filesOf(await dated.encode(value)))).toEqual(value)
    const oneWay = modelCodec(z.string().transform(Number), 'myapp.Number')
    expect(() => oneWay.encode(1)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('configurations', () => {
  it('show no secrets until they are asked for', async () => {
    const text =
      '{"API_KEYS": {"OPENAI": "sk-1"}, "URL": "redis://me:hunter2@host", "DB_PASSWORD": "p", "N": 1}'
    const names = { className: 'mindtrace.core.config.config.Config' }
    const config = await configCodec.decode(
      stored({ ...names, materializer: materializers.config }, text, 'config.json'),
    )
    const { inspect } = await import('node:util')
    for (const shown of [JSON.stringify(config), String(config), `${config}`, inspect(config)]) {
      expect(shown).not.toMatch(/sk-1|hunter2|"p"/)
      expect(shown).toContain('********')
    }
    expect(config.reveal()).toEqual(JSON.parse(text))
  })
})

const key = fc.string().filter((text) => text !== '__proto__')
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.maxSafeInteger(),
    fc.bigInt().filter((value) => !Number.isSafeInteger(Number(value))),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json')),
    fc.dictionary(key, tie('json')),
  ),
}))

it.each<[string, Codec<unknown, never>, fc.Arbitrary<unknown>]>([
  ['bytes', bytesCodec, fc.uint8Array()],
  ['scalars', scalarCodec, fc.oneof(fc.string(), fc.double(), fc.maxSafeInteger(), fc.boolean())],
  ['lists', containerCodec, fc.array(json)],
  ['dicts', containerCodec, fc.dictionary(key, json)],
  ['sets', containerCodec, fc.array(fc.string()).map((items) => new Set(items))],
  ['tuples', tupleCodec, fc.array(json)],
])('%s come back as they went', async (_, codec, values) => {
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      const artifact = await codec.encode(value as never)
      expect(await codec.decode(filesOf(artifact))).toEqual(value)
    }),
    { numRuns: 60 },
  )
})
