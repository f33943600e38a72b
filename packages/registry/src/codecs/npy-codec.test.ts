import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHalf, toHalf } from './half-float.ts'
import { type DType, filesOf, NdArray, npyCodec } from './index.ts'
import { materializers } from './materializers.ts'
import { elements } from './nd-array.ts'

const npy = (header: string, data: Uint8Array = new Uint8Array(), version = 1) => {
  const text = new TextEncoder().encode(`${header}\n`)
  const prefix = version === 1 ? 10 : 12
  const bytes = new Uint8Array(prefix + text.length + data.byteLength)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  const view = new DataView(bytes.buffer)
  if (version === 1) view.setUint16(8, text.length, true)
  else view.setUint32(8, text.length, true)
  bytes.set(text, prefix)
  bytes.set(data, prefix + text.length)
  return bytes
}
const read = (body: Uint8Array, limitBytes?: number) =>
  npyCodec.decode(
    filesOf({
      className: 'numpy.ndarray',
      materializer: materializers.array,
      files: [{ path: 'data.npy', body }],
    }),
    { limitBytes },
  )
const head = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`

describe('reading', () => {
  it('takes versions 1 to 3, and headers in any order and spacing', async () => {
    for (const version of [1, 2, 3]) {
      const array = await read(npy(head("'<i2'", '(2,)'), Uint8Array.of(1, 0, 255, 255), version))
      expect(array).toEqual(new NdArray(Int16Array.of(1, -1)))
    }
    const odd = `{ "shape" : ( 1L , ) ,'fortran_order':False, "descr":'|u1'}   `
    expect(await read(npy(odd, Uint8Array.of(7)))).toEqual(new NdArray(Uint8Array.of(7)))
  })

  it('takes big-endian numbers and columns first', async () => {
    const data = Uint8Array.of(0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6)
    expect(await read(npy(head("'>u2'", '(2, 3)', 'True'), data))).toEqual(
      new NdArray(Uint16Array.of(1, 3, 5, 2, 4, 6), { shape: [2, 3] }),
    )
    const bits = new Uint8Array(16)
    new DataView(bits.buffer).setFloat64(0, 1.5)
    new DataView(bits.buffer).setFloat64(8, -2)
    expect(await read(npy(head("'>c16'", '()'), bits))).toEqual(
      new NdArray(Float64Array.of(1.5, -2), { shape: [], dtype: 'complex128' }),
    )
  })

  it.each([
    ["[('a', '<i4'), ('b', '<f8')]"],
    ["'|O'"],
    ["'<U2'"],
    ["'|S3'"],
    ["'<M8[ns]'"],
    ["'<f16'"],
    ["'|V4'"],
  ])('says clearly that %s is not read', async (descr) => {
    const failed = read(npy(head(descr, '(1,)'), new Uint8Array(16)))
    await expect(failed).rejects.toMatchObject({
      code: 'NOT_IMPLEMENTED',
      message: expect.stringContaining(descr),
    })
  })

  it.each([
    ["__import__('os').system('true')"],
    ["{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 'x': 1}"],
    ["{'descr': '<i4', 'fortran_order': false, 'shape': (1,)}"],
    ["{'descr': '<i4', 'fortran_order': False, 'shape': (-1,)}"],
    ["{'descr': '<i4', 'fortran_order': False, 'shape': (1+1,)}"],
    ["{'descr': '<i4', 'fortran_order': False, 'shape': [1]}"],
    ["{'descr': '<i4', 'fortran_order': False}"],
    ["{'descr': '<i4', 'fortran_order': False, 'shape': (1,)} x"],
    ["'descr'"],
    [''],
  ])('refuses the header %s', async (header) => {
    await expect(read(npy(header, new Uint8Array(4)))).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('compares the size before it takes memory', async () => {
    const shapes = [
      '(1000000000, 1000000000)',
      '(9999999999999999, 9999999999999999)',
      '(2,)',
      '()',
    ]
    for (const shape of shapes) {
      const failed = read(npy(head("'<i4'", shape), new Uint8Array(5)))
      await expect(failed).rejects.toMatchObject({ code: 'CORRUPT' })
    }
    const array = npy(head("'|u1'", '(1000,)'), new Uint8Array(1000))
    await expect(read(array, 1000)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(read(array.subarray(0, 40))).rejects.toMatchObject({ code: 'CORRUPT' })
    await expect(read(array.subarray(0, 4))).rejects.toMatchObject({ code: 'CORRUPT' })
    const other = array.slice()
    other[6] = 9
    await expect(read(other)).rejects.toMatchObject({ code: 'NOT_IMPLEMENTED' })
  })
})

it('refuses arrays whose parts do not fit', () => {
  const bad = [
    () => new NdArray(new Float32Array(6), { shape: [2, 2] }),
    () => new NdArray(new Float32Array(6), { shape: [-2, -3] }),
    () => new NdArray(new Float32Array(6), { shape: [1.5, 4] }),
    () => new NdArray(new Float32Array(3), { dtype: 'complex64' }),
    () => new NdArray(new Float32Array(3), { dtype: 'int8' }),
    () => new NdArray(new Uint8ClampedArray(3) as never),
  ]
  for (const make of bad) expect(make).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  expect(new NdArray(Buffer.from('abc')).dtype).toBe('uint8')
})

it('half floats are exact one way and rounded to even the other', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromHalf(bits)
    if (!Number.isNaN(value)) expect(toHalf(value)).toBe(bits)
  }
  const cases = [
    [65519, 0x7bff],
    [65520, 0x7c00],
    [2049, 0x6800],
    [2051, 0x6802],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 1],
    [2 ** -14 * 0.99999, 0x0400],
  ] as const
  for (const [value, bits] of cases) expect(toHalf(value), String(value)).toBe(bits)
  expect(fromHalf(toHalf(Number.NaN))).toBeNaN()
})

const arrays = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(elements) as DType[])),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    seed: fc.nat({ max: 255 }),
  })
  .map(({ dtype, shape, seed }) => {
    const { array: Data, parts } = elements[dtype]
    const length = shape.reduce((a, b) => a * b, 1) * parts
    const data = new Data(
      new ArrayBuffer(length * (new Data(new ArrayBuffer()) as Int8Array).BYTES_PER_ELEMENT),
    )
    for (let at = 0; at < length; at++) {
      const value = dtype === 'bool' ? (at + seed) % 2 : (at * 31 + seed) % 100
      data[at] = (typeof data[0] === 'bigint' ? BigInt(value) : value) as never
    }
    return new NdArray(data, { dtype, shape })
  })

it('arrays come back as they went', async () => {
  await fc.assert(
    fc.asyncProperty(arrays, async (array) => {
      const artifact = await npyCodec.encode(array)
      expect(await npyCodec.decode(filesOf(artifact))).toEqual(array)
      const body = artifact.files[0]?.body as Uint8Array
      expect((body.indexOf(0x0a, 10) + 1) % 64).toBe(0)
    }),
  )
})

it('no bytes make it do anything but fail clearly', async () => {
  const valid = npy(head("'<i4'", '(2, 2)'), new Uint8Array(16))
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 }), async (at, byte) => {
      const bytes = valid.slice()
      bytes[at] = byte
      const outcome = await read(bytes).catch((error: unknown) => error)
      expect(outcome instanceof NdArray || outcome).toSatisfy(
        (it) => it === true || ['CORRUPT', 'NOT_IMPLEMENTED'].includes(it.code),
      )
    }),
    { numRuns: 300 },
  )
})
