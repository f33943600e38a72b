import { chunksOf, MindtraceError } from '@mindtrace/core'
import type { Codec, DecodeOptions, StoredFiles } from './codec.ts'
import { fromHalf, toHalf } from './half-float.ts'
import { materializers } from './materializers.ts'
import { type DType, elementCount, elements, NdArray, type NdData } from './nd-array.ts'
import { type NpyHeader, npyHeaderLength, parseNpyHeader, printNpyHeader } from './npy-header.ts'
import { formatObject, refuseLarge } from './stored-files.ts'

const arrayFile = 'data.npy'

/**
 * numpy arrays of numbers and booleans, of either byte order and memory order, as {@link NdArray}s.
 * Elements of other types (objects, records, text, dates) are `NOT_IMPLEMENTED`.
 */
export const npyCodec: Codec<NdArray> = {
  name: 'numpy array',
  materializers: [materializers.array],
  accepts: (value) => value instanceof NdArray,
  encode: ({ data, dtype, shape }) => ({
    className: 'numpy.ndarray',
    materializer: materializers.array,
    files: [{ path: arrayFile, body: joined(printNpyHeader(dtype, shape), toFile(data, dtype)) }],
  }),
  async decode(files, options = {}) {
    const opened = await files.open(arrayFile, options)
    await refuseLarge(opened, `the array '${formatObject(files.object)}'`, options)
    const { header, bytes } = await readArray(files, opened, options)
    const data = fromFile(bytes, header)
    const { dtype, shape } = header
    return new NdArray(header.fortranOrder ? rowByRow(data, header) : data, { dtype, shape })
  },
}

/** Takes in no more than the header says, and only after that was compared with the size of the file. */
async function readArray(
  files: StoredFiles,
  { body, sizeBytes }: Awaited<ReturnType<StoredFiles['open']>>,
  options: DecodeOptions,
): Promise<{ readonly header: NpyHeader; readonly bytes: Uint8Array<ArrayBuffer> }> {
  let start: Uint8Array = new Uint8Array()
  let header: NpyHeader | undefined
  let bytes = new Uint8Array()
  let filled = 0
  for await (const chunk of chunksOf(body, options)) {
    let rest = chunk
    if (header === undefined) {
      start = joined(start, chunk)
      const needed = npyHeaderLength(start)
      if (start.byteLength < needed) continue
      header = parseNpyHeader(start)
      bytes = new Uint8Array(dataLength(header, sizeBytes, files))
      rest = start.subarray(header.dataOffset)
    }
    bytes.set(rest, filled)
    filled += rest.byteLength
  }
  if (header === undefined) throw wrongSize(files, 'ends within its header')
  return { header, bytes }
}

function dataLength(header: NpyHeader, sizeBytes: number, files: StoredFiles): number {
  const count = elementCount(header.shape)
  const expected = count === undefined ? Number.NaN : count * elements[header.dtype].sizeBytes
  if (expected === sizeBytes - header.dataOffset) return expected
  const what = `says shape (${header.shape.join(', ')}) of ${header.dtype}, but has ${sizeBytes - header.dataOffset} bytes of it`
  throw wrongSize(files, what)
}

function wrongSize({ object }: StoredFiles, what: string): MindtraceError {
  return new MindtraceError('CORRUPT', `the array '${formatObject(object)}' ${what}`, {
    details: { name: object.name, version: object.version },
  })
}

function fromFile(bytes: Uint8Array<ArrayBuffer>, { dtype, bigEndian }: NpyHeader): NdData {
  const { sizeBytes, parts, array } = elements[dtype]
  if (bigEndian) swap(bytes, sizeBytes / parts)
  if (dtype === 'float16') return Float32Array.from(new Uint16Array(bytes.buffer), fromHalf)
  return new array(bytes.buffer)
}

function toFile(data: NdData, dtype: DType): Uint8Array {
  if (dtype === 'float16') return bytesOfArray(Uint16Array.from(data as Float32Array, toHalf))
  return bytesOfArray(data)
}

function bytesOfArray({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function swap(bytes: Uint8Array<ArrayBuffer>, sizeBytes: number): void {
  const buffer = Buffer.from(bytes.buffer)
  if (sizeBytes === 2) buffer.swap16()
  else if (sizeBytes === 4) buffer.swap32()
  else if (sizeBytes === 8) buffer.swap64()
}

/** Fortran writes the first dimension fastest; here the last one is. */
function rowByRow(data: NdData, { dtype, shape }: NpyHeader): NdData {
  const { parts, array } = elements[dtype]
  const result = new array(new ArrayBuffer(data.byteLength))
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1))
  const position = shape.map(() => 0)
  let source = 0
  for (let target = 0; target < data.length; target += parts) {
    for (let part = 0; part < parts; part++) {
      result[target + part] = data[source * parts + part] as never
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0
      const next = (position[axis] ?? 0) + 1
      source += stride
      if (next < (shape[axis] ?? 0)) {
        position[axis] = next
        break
      }
      source -= next * stride
      position[axis] = 0
    }
  }
  return result
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.byteLength + b.byteLength)
  whole.set(a)
  whole.set(b, a.byteLength)
  return whole
}
