import { MindtraceError } from '@mindtrace/core'

/** Element types of {@link NdArray}, by numpy's names. */
export type DType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'complex64'
  | 'complex128'

/** What the elements of an {@link NdArray} lie in. */
export type NdData =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array

type NdDataConstructor = {
  readonly name: string
  new (buffer: ArrayBuffer): NdData & { readonly buffer: ArrayBuffer }
}

interface Element {
  /** In npy files, without the byte order. */
  readonly code: string
  readonly sizeBytes: number
  /** What holds the elements in memory; for `float16` the wider one. */
  readonly array: NdDataConstructor
  /** Numbers per element: complex ones have two, real part first. */
  readonly parts: number
}

/** How each element type lies in files and in memory. */
export const elements: Readonly<Record<DType, Element>> = {
  bool: { code: 'b1', sizeBytes: 1, array: Uint8Array, parts: 1 },
  int8: { code: 'i1', sizeBytes: 1, array: Int8Array, parts: 1 },
  int16: { code: 'i2', sizeBytes: 2, array: Int16Array, parts: 1 },
  int32: { code: 'i4', sizeBytes: 4, array: Int32Array, parts: 1 },
  int64: { code: 'i8', sizeBytes: 8, array: BigInt64Array, parts: 1 },
  uint8: { code: 'u1', sizeBytes: 1, array: Uint8Array, parts: 1 },
  uint16: { code: 'u2', sizeBytes: 2, array: Uint16Array, parts: 1 },
  uint32: { code: 'u4', sizeBytes: 4, array: Uint32Array, parts: 1 },
  uint64: { code: 'u8', sizeBytes: 8, array: BigUint64Array, parts: 1 },
  float16: { code: 'f2', sizeBytes: 2, array: Float32Array, parts: 1 },
  float32: { code: 'f4', sizeBytes: 4, array: Float32Array, parts: 1 },
  float64: { code: 'f8', sizeBytes: 8, array: Float64Array, parts: 1 },
  complex64: { code: 'c8', sizeBytes: 8, array: Float32Array, parts: 2 },
  complex128: { code: 'c16', sizeBytes: 16, array: Float64Array, parts: 2 },
}

/**
 * An array of any number of dimensions, row by row (C order). `bool` lies in a `Uint8Array` of 0 and 1,
 * `int64` and `uint64` in arrays of bigints, `float16` widened in a `Float32Array` and rounded when it is
 * stored, complex numbers as pairs. A shape of no dimensions is a single element.
 */
export class NdArray {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: NdData

  /**
   * @param options.shape Default: one dimension.
   * @param options.dtype Default: that of the data; needed for `bool`, `float16` and complex numbers.
   * @throws {@link MindtraceError} `INVALID_INPUT` when data, shape and type do not fit each other.
   */
  constructor(
    data: NdData,
    options: {
      readonly shape?: readonly number[] | undefined
      readonly dtype?: DType | undefined
    } = {},
  ) {
    const dtype = options.dtype ?? dtypeOf(data)
    const element = elements[dtype]
    if (!(data instanceof element.array)) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `${dtype} lies in a ${element.array.name}, not in a ${data.constructor.name}`,
      )
    }
    const shape = options.shape ?? [data.length / element.parts]
    const count = elementCount(shape)
    if (count === undefined || count * element.parts !== data.length) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `an array of shape (${shape.join(', ')}) and type ${dtype} does not have ${data.length} numbers`,
        { details: { shape, dtype, length: data.length } },
      )
    }
    this.dtype = dtype
    this.shape = [...shape]
    this.data = data
  }
}

/** The product of a shape; undefined when a side is no count or the product no safe number. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1
  for (const side of shape) {
    if (!Number.isSafeInteger(side) || side < 0) return undefined
    count *= side
  }
  return Number.isSafeInteger(count) ? count : undefined
}

function dtypeOf(data: NdData): DType {
  if (data instanceof Uint8Array) return 'uint8'
  const name = data.constructor.name.replace('Array', '').replace('Big', '').toLowerCase()
  if (name in elements) return name as DType
  throw new MindtraceError('INVALID_INPUT', `numpy has no array of ${data.constructor.name}`)
}
