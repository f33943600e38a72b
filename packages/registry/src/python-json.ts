import { MindtraceError } from '@mindtrace/core'

/** Options of {@link parsePythonJson}. */
export interface ParsePythonJsonOptions {
  /** Maps for objects, which keep the order of keys that look like numbers. Default plain objects. */
  readonly maps?: boolean | undefined
}

/** Options of {@link printPythonJson}. */
export interface PrintPythonJsonOptions {
  /** Without blanks after `,` and `:`, and other than ASCII as it is, as pydantic prints. Default false. */
  readonly compact?: boolean | undefined
}

/**
 * A number that Python is to read as a float also when it is whole: printed as `1.0`.
 * Everywhere else a whole number becomes an `int`.
 */
export class PythonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  valueOf(): number {
    return this.value
  }

  toJSON(): number {
    return this.value
  }
}

// Python itself reads and prints integers of up to 4300 digits.
const digitsLimit = 4300
// Python gives up at about a thousand levels, so nothing deeper can have come from there.
const depthLimit = 1000

/**
 * JSON as Python's `json` module writes it: with the bare tokens `NaN`, `Infinity` and `-Infinity`, and
 * with integers of any size; those past 2^53 are bigints.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string, options: ParsePythonJsonOptions = {}): unknown {
  const isPlain = options.maps !== true && !/[0-9]{16}|NaN|Infinity/.test(text)
  return isPlain ? JSON.parse(text) : new Parser(text, options.maps === true).parse()
}

const blank = /[ \t\n\r]*/y
const scalarToken =
  /(?<int>-?(?:0|[1-9][0-9]*)(?![0-9.eE]))|(?<float>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(?<word>true|false|null|NaN|-?Infinity)/y

const words: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

class Parser {
  readonly #text: string
  readonly #maps: boolean
  #at = 0
  #depth = 0

  constructor(text: string, maps: boolean) {
    this.#text = text
    this.#maps = maps
  }

  parse(): unknown {
    const value = this.#value()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(): unknown {
    this.#take(blank)
    const first = this.#text[this.#at]
    const value = first === '{' ? this.#object() : first === '[' ? this.#array() : this.#scalar()
    this.#take(blank)
    return value
  }

  #scalar(): unknown {
    if (this.#text[this.#at] === '"') return this.#string()
    const groups = this.#take(scalarToken)?.groups
    if (groups?.int !== undefined) return integer(groups.int)
    if (groups?.float !== undefined) return Number(groups.float)
    if (groups?.word !== undefined) return words[groups.word]
    throw this.#unexpected()
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#unexpected()
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === '\\' ? 2 : 1
    }
    this.#at = end + 1
    return JSON.parse(this.#text.slice(start, this.#at))
  }

  #array(): unknown[] {
    const items: unknown[] = []
    this.#members(']', () => items.push(this.#value()))
    return items
  }

  #object(): unknown {
    const map = new Map<string, unknown>()
    this.#members('}', () => {
      this.#take(blank)
      const key = this.#string()
      this.#take(blank)
      if (this.#text[this.#at] !== ':') throw this.#unexpected()
      this.#at++
      map.set(key, this.#value())
    })
    return this.#maps ? map : Object.fromEntries(map)
  }

  #members(end: string, parseMember: () => void): void {
    if (++this.#depth > depthLimit) throw new SyntaxError(`more than ${depthLimit} levels of JSON`)
    this.#at++
    this.#take(blank)
    if (this.#text[this.#at] === end) this.#at++
    else {
      for (;;) {
        parseMember()
        const next = this.#text[this.#at]
        if (next !== ',' && next !== end) throw this.#unexpected()
        this.#at++
        if (next === end) break
      }
    }
    this.#depth--
  }

  #take(token: RegExp): RegExpExecArray | null {
    token.lastIndex = this.#at
    const match = token.exec(this.#text)
    if (match !== null) this.#at = token.lastIndex
    return match
  }

  #unexpected(): SyntaxError {
    const found = this.#text[this.#at]
    const what = found === undefined ? 'end' : JSON.stringify(found)
    return new SyntaxError(`unexpected ${what} in JSON at position ${this.#at}`)
  }
}

function integer(digits: string): number | bigint {
  if (digits.length <= 15) return Number(digits)
  if (digits.length > digitsLimit + 1)
    throw new SyntaxError(`an integer of ${digits.length} digits`)
  const value = BigInt(digits)
  return isSafe(value) ? Number(value) : value
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
}

/**
 * Prints a value as Python's `json.dumps` does: `", "` and `": "`, ASCII only, bare tokens for what JSON
 * has no number for. Arrays and sets become arrays, plain objects and maps with text keys become objects;
 * members that are undefined are left out, as `JSON.stringify` does.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` with the path of a value that Python's JSON cannot hold.
 */
export function printPythonJson(value: unknown, options: PrintPythonJsonOptions = {}): string {
  const isCompact = options.compact === true
  return new Printer(isCompact).print(value)
}

class Printer {
  readonly #isCompact: boolean
  readonly #within = new Set<object>()
  readonly #path: (string | number)[] = []

  constructor(isCompact: boolean) {
    this.#isCompact = isCompact
  }

  print(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'boolean':
        return String(value)
      case 'number':
        return Number.isSafeInteger(value) && !Object.is(value, -0)
          ? String(value)
          : this.#float(value)
      case 'bigint': {
        const digits = String(value)
        if (digits.length <= digitsLimit) return digits
        throw refusal(
          this.#path,
          `an integer of ${digits.length} digits, which Python does not read`,
        )
      }
      case 'object':
        return value === null ? 'null' : this.#object(value)
      default:
        throw refusal(this.#path, value === undefined ? 'undefined' : `a ${typeof value}`)
    }
  }

  #object(value: object): string {
    if (value instanceof PythonFloat) return this.#float(value.value)
    if (this.#within.has(value)) throw refusal(this.#path, 'a container that is within itself')
    if (this.#path.length >= depthLimit) {
      throw refusal(this.#path.slice(0, 3), `nested more than ${depthLimit} levels deep`)
    }
    this.#within.add(value)
    const text = this.#container(value)
    this.#within.delete(value)
    return text
  }

  #container(value: object): string {
    if (Array.isArray(value) || value instanceof Set) {
      const items = Array.from(value as Iterable<unknown>, (item, index) =>
        this.#member(index, item),
      )
      return `[${items.join(this.#isCompact ? ',' : ', ')}]`
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    if (value instanceof Map) return this.#members(value)
    if (prototype === Object.prototype || prototype === null) {
      return this.#members(Object.entries(value))
    }
    throw refusal(this.#path, `a ${value.constructor?.name ?? 'class instance'}`)
  }

  #member(key: string | number, value: unknown): string {
    this.#path.push(key)
    const text = this.print(value)
    this.#path.pop()
    return text
  }

  #members(entries: Iterable<readonly [unknown, unknown]>): string {
    const members: string[] = []
    for (const [key, value] of entries) {
      if (value === undefined) continue
      if (typeof key !== 'string') {
        throw refusal(this.#path, `a map with a key that is a ${typeof key}`)
      }
      const printed = this.#member(key, value)
      members.push(`${this.#string(key)}${this.#isCompact ? ':' : ': '}${printed}`)
    }
    return `{${members.join(this.#isCompact ? ',' : ', ')}}`
  }

  #string(text: string): string {
    const quoted = JSON.stringify(text)
    if (this.#isCompact) return quoted
    return quoted.replace(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }

  #float(value: number): string {
    if (Number.isNaN(value)) return 'NaN'
    if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
    return printFloat(value)
  }
}

/** As Python's `repr`: both languages take the shortest digits, but place the point differently. */
function printFloat(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [mantissa = '0', exponentText = '0'] = Math.abs(value).toExponential().split('e')
  const digits = mantissa.replace('.', '')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    const magnitude = String(Math.abs(exponent)).padStart(2, '0')
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

function refusal(path: readonly (string | number)[], what: string): MindtraceError {
  const where = path.length === 0 ? 'the value' : `the value at '${path.join('.')}'`
  return new MindtraceError(
    'INVALID_INPUT',
    `${where} is ${what}, which JSON for Python cannot hold; convert it first`,
    { details: { path: [...path] } },
  )
}
