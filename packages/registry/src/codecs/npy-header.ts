import { MindtraceError } from '@mindtrace/core'
import { type DType, elements } from './nd-array.ts'

/** What the first bytes of an npy file say. */
export interface NpyHeader {
  readonly dtype: DType
  readonly bigEndian: boolean
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
  /** Where the elements begin. */
  readonly dataOffset: number
}

const magic = '\x93NUMPY'
// numpy itself refuses longer ones unless told to trust the file.
const headerLimit = 10_000

const literal = String.raw`(?:'[^'\\]*'|"[^"\\]*")`
const shapeToken = String.raw`\((?:\s*\d{1,16}L?\s*(?:,\s*\d{1,16}L?\s*)*,?)?\s*\)`
const entryToken = new RegExp(
  String.raw`\s*(?:['"]descr['"]\s*:\s*(?<descr>${literal})|['"]fortran_order['"]\s*:\s*(?<order>True|False)|['"]shape['"]\s*:\s*(?<shape>${shapeToken}))\s*(?:,|(?=\}))`,
  'y',
)

/** How many bytes {@link parseNpyHeader} needs: of the whole header, once the first 12 are there. */
export function npyHeaderLength(start: Uint8Array): number {
  if (start.byteLength < 10) return 12
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const name = String.fromCharCode(...start.subarray(0, 6))
  if (name !== magic) throw damaged('does not begin with the mark of npy files')
  const major = view.getUint8(6)
  if (major < 1 || major > 3) {
    throw new MindtraceError('NOT_IMPLEMENTED', `npy files of version ${major} are not read here`)
  }
  if (major > 1 && start.byteLength < 12) return 12
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > headerLimit) throw damaged(`has a header of ${length} bytes`)
  return (major === 1 ? 10 : 12) + length
}

/**
 * Reads the header of an npy file, versions 1 to 3. It is a Python literal, read by a closed grammar and
 * never evaluated.
 *
 * @throws {@link MindtraceError} `CORRUPT`; `NOT_IMPLEMENTED` for element types that are not numbers.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const dataOffset = npyHeaderLength(bytes)
  if (bytes.byteLength < dataOffset) throw damaged('ends within its header')
  const textOffset = bytes[6] === 1 ? 10 : 12
  const text = new TextDecoder(bytes[6] === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(textOffset, dataOffset),
  )
  const { descr, order, shape } = parseEntries(text)
  return {
    ...parseDescr(descr, text),
    fortranOrder: order === 'True',
    shape: [...shape.matchAll(/\d+/g)].map(Number),
    dataOffset,
  }
}

function parseEntries(text: string): {
  readonly descr: string
  readonly order: string
  readonly shape: string
} {
  // A list of fields is enough to know that these are no plain numbers.
  if (/^[^[]*['"]descr['"]\s*:\s*\[/.test(text)) throw notNumbers(text)
  const found: Record<string, string> = {}
  const open = /^\s*\{/.exec(text)
  let at = open?.[0].length ?? 0
  while (open !== null) {
    entryToken.lastIndex = at
    const match = entryToken.exec(text)
    if (match === null) break
    at = entryToken.lastIndex
    for (const [key, value] of Object.entries(match.groups ?? {})) {
      if (value !== undefined) found[key] = value
    }
  }
  const { descr, order, shape } = found
  const isClosed = open !== null && /^\s*\}\s*$/.test(text.slice(at))
  if (!isClosed || descr === undefined || order === undefined || shape === undefined) {
    throw damaged('has a header that cannot be read')
  }
  return { descr, order, shape }
}

function parseDescr(descr: string, header: string): Pick<NpyHeader, 'dtype' | 'bigEndian'> {
  const [, order = '', code = ''] = /^.([<>|=]?)(.*).$/.exec(descr) ?? []
  const entry = Object.entries(elements).find(([, element]) => element.code === code)
  // Without an order it is that of the machine that wrote, which is not known; all common ones are little.
  if (entry === undefined) throw notNumbers(header)
  return { dtype: entry[0] as DType, bigEndian: order === '>' }
}

/** The header that numpy itself writes for an array in C order, padded so that elements begin at 64. */
export function printNpyHeader(dtype: DType, shape: readonly number[]): Uint8Array {
  const { code, sizeBytes } = elements[dtype]
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${sizeBytes === 1 ? '|' : '<'}${code}', 'fortran_order': False, 'shape': (${sides}), }`
  // numpy leaves room for the first side to grow, so that files can be appended to.
  const room = shape.length === 0 ? 0 : 21 - String(shape[0]).length
  const version = text.length + room + 75 > 65_535 ? 2 : 1
  const prefix = version === 1 ? 10 : 12
  const unpadded = prefix + text.length + room + 1
  const length = unpadded + ((64 - (unpadded % 64)) % 64)
  const header = new Uint8Array(length).fill(0x20)
  const view = new DataView(header.buffer)
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  if (version === 1) view.setUint16(8, length - prefix, true)
  else view.setUint32(8, length - prefix, true)
  header.set(new TextEncoder().encode(text), prefix)
  header[length - 1] = 0x0a
  return header
}

function damaged(what: string): MindtraceError {
  return new MindtraceError('CORRUPT', `an npy file ${what}`)
}

function notNumbers(header: string): MindtraceError {
  return new MindtraceError(
    'NOT_IMPLEMENTED',
    `an npy file holds elements that are no plain numbers: ${header.trim().slice(0, 200)}; open it as bytes, or store its columns as arrays of their own`,
  )
}
