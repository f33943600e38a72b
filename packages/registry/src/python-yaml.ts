import { MindtraceError } from '@mindtrace/core'
import { parseDocument, type ScalarTag } from 'yaml'
import { compareKeys } from './mount-key.ts'

// PyYAML's implicit types. Libraries for YAML 1.1 or 1.2 read several of them differently.
// @see https://yaml.org/type/ and PyYAML's resolver
const isBool = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/
const isNull = /^(?:~|null|Null|NULL|)$/
const isInt =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/
const isFloat =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const isTimestamp =
  /^(?:\d{4}-\d{2}-\d{2}|\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}:\d{2}(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d{1,2}(?::\d{2})?))?)$/
const isSpecial = /^(?:=|<<)$/
const plainSafe = /^[A-Za-z0-9_./~+(<$^;=-][\x20-\x7e]*$/

const tags: ScalarTag[] = [
  { tag: 'tag:yaml.org,2002:bool', default: true, test: isBool, resolve: parseBool },
  { tag: 'tag:yaml.org,2002:int', default: true, test: isInt, resolve: parseInteger },
  { tag: 'tag:yaml.org,2002:float', default: true, test: isFloat, resolve: parseFloatText },
  { tag: 'tag:yaml.org,2002:null', default: true, test: isNull, resolve: () => null },
]

/**
 * Reads YAML as PyYAML's loader does. Timestamps stay text; integers past 2^53 are bigints; sets become
 * arrays and binary `Uint8Array`s.
 *
 * @throws {@link MindtraceError} `CORRUPT` for text that is no YAML.
 */
export function parsePythonYaml(text: string): unknown {
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: (base) => [...base, ...tags, 'binary', 'set'],
    logLevel: 'silent',
  })
  const problem = document.errors[0]
  if (problem !== undefined) {
    throw new MindtraceError('CORRUPT', `no YAML: ${problem.message}`, { cause: problem })
  }
  return plain(document.toJS({ maxAliasCount: 1000 }))
}

function plain(value: unknown): unknown {
  if (value instanceof Set) return [...value].map(plain)
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

function parseBool(text: string): boolean {
  return /^(?:y|t|on)/i.test(text)
}

function parseInteger(source: string): number | bigint {
  const text = source.replaceAll('_', '')
  const isNegative = text.startsWith('-')
  const digits = text.replace(/^[-+]/, '')
  const magnitude = digits.includes(':') ? base60(digits) : BigInt(withPrefix(digits))
  const value = isNegative ? -magnitude : magnitude
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value
}

function withPrefix(digits: string): string {
  return /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits
}

function base60(digits: string): bigint {
  return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
}

function parseFloatText(source: string): number {
  const text = source.replaceAll('_', '').toLowerCase()
  if (text.endsWith('.nan')) return Number.NaN
  if (text.endsWith('.inf')) return text.startsWith('-') ? -Infinity : Infinity
  if (!text.includes(':')) return Number(text)
  const sign = text.startsWith('-') ? -1 : 1
  return (
    sign *
    text
      .replace(/^[-+]/, '')
      .split(':')
      .reduce((sum, part) => sum * 60 + Number(part), 0)
  )
}

/**
 * Writes a map as PyYAML's dumper does: block style, keys sorted, ASCII only, plain strings folded at 80
 * columns. Quoted strings are not folded, which reads the same.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for values that are no JSON (bigints are fine).
 */
export function printPythonYaml(map: Readonly<Record<string, unknown>>): string {
  return printMap(map, '')
}

function printMap(map: Readonly<Record<string, unknown>>, indent: string): string {
  let text = ''
  for (const key of Object.keys(map).sort(compareKeys)) {
    const value = map[key]
    if (value === undefined) continue
    text += printEntry(key, value, indent)
  }
  return text
}

function printEntry(key: string, value: unknown, indent: string): string {
  const printedKey = printString(key)
  // PyYAML's reader takes simple keys of up to 1024 characters only.
  const head =
    printedKey.length > 120 ? `${indent}? ${printedKey}\n${indent}:` : `${indent}${printedKey}:`
  if (isFilledArray(value)) return `${head}\n${printArray(value, indent)}`
  if (isFilledMap(value)) return `${head}\n${printMap(value, `${indent}  `)}`
  return `${head} ${printScalar(value, head.length + 1, `${indent}  `)}\n`
}

function printArray(items: readonly unknown[], indent: string): string {
  let text = ''
  for (const item of items) {
    if (isFilledArray(item)) text += nested(printArray(item, `${indent}  `), indent)
    else if (isFilledMap(item)) text += nested(printMap(item, `${indent}  `), indent)
    else text += `${indent}- ${printScalar(item, indent.length + 2, `${indent}  `)}\n`
  }
  return text
}

// The first line of a collection in a list stands behind its dash.
function nested(block: string, indent: string): string {
  return `${indent}- ${block.slice(indent.length + 2)}`
}

function isFilledArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0
}

function isFilledMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  for (const key in value) if ((value as Record<string, unknown>)[key] !== undefined) return true
  return false
}

function printScalar(value: unknown, column: number, indent: string): string {
  switch (typeof value) {
    case 'string':
      return printString(value, { column, indent })
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      return printNumber(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return '[]'
      if (Object.getPrototypeOf(value) === Object.prototype) return '{}'
      if (Object.getPrototypeOf(value) === null) return '{}'
  }
  throw new MindtraceError(
    'INVALID_INPUT',
    `metadata holds a ${typeof value} that is no JSON value`,
  )
}

function printNumber(value: number): string {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value)
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  if (text.includes('e')) return text.includes('.') ? text : text.replace('e', '.0e')
  return text.includes('.') ? text : `${text}.0`
}

function printString(text: string, fold?: { readonly column: number; readonly indent: string }) {
  if (isPlain(text)) return fold === undefined ? text : foldPlain(text, fold.column, fold.indent)
  if (/^[\x20-\x7e]*$/.test(text)) return `'${text.replaceAll("'", "''")}'`
  let quoted = '"'
  for (const character of text) quoted += escaped(character)
  return `${quoted}"`
}

function isPlain(text: string): boolean {
  return (
    plainSafe.test(text) &&
    !text.endsWith(' ') &&
    !text.includes(': ') &&
    !text.endsWith(':') &&
    !text.includes(' #') &&
    !/^(?:- |-$|---|\.\.\.)/.test(text) &&
    !(isBool.test(text) || isNull.test(text) || isInt.test(text) || isFloat.test(text)) &&
    !(isTimestamp.test(text) || isSpecial.test(text))
  )
}

function foldPlain(text: string, startColumn: number, indent: string): string {
  if (startColumn + text.length <= 80) return text
  let folded = ''
  let column = startColumn
  for (const [index, word] of text.split(/(?<! ) (?! )/).entries()) {
    if (index > 0) {
      const isFull = column > 80
      folded += isFull ? `\n${indent}` : ' '
      column = isFull ? indent.length : column + 1
    }
    folded += word
    column += word.length
  }
  return folded
}

function escaped(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  const point = character.codePointAt(0) ?? 0
  if (point >= 0x20 && point <= 0x7e) return character
  const hex = point.toString(16).toUpperCase()
  if (point <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return point <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
