/** One recorded exchange, as `make-fixtures.ts` keeps it. */
export interface Exchange {
  readonly n: number
  readonly task: string
  readonly request: Json
  readonly status: number
  readonly response?: Json
  readonly note?: string
  /** Where the reference answered 500: the statuses that the specification recommends for the task. */
  readonly wanted?: readonly number[]
}

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/** An answer of ours. */
export interface Answer {
  readonly status: number
  readonly body: Json
}

const idPattern = /^[a-z_]+_[0-9a-f]{32}$/
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/

/**
 * Which values of ours stand for which of the reference: ids and cursors, learned from the answers as
 * they are compared.
 */
export class Translation {
  readonly #ours = new Map<string, string>()

  /** The request with the reference's ids and cursors replaced by ours. */
  request(value: Json): Json {
    if (typeof value === 'string') return this.#ours.get(value) ?? value
    if (typeof value !== 'object' || value === null) return value
    if (isList(value)) return value.map((one) => this.request(one))
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [this.#ours.get(key) ?? key, this.request(one)]),
    )
  }

  /** What differs between the reference's answer and ours, each with its path; empty when nothing does. */
  differences(theirs: Json, ours: Json, path = ''): string[] {
    if (typeof theirs === 'string' && typeof ours === 'string') {
      return this.#texts(theirs, ours, path)
    }
    if (
      theirs === null ||
      ours === null ||
      typeof theirs !== 'object' ||
      typeof ours !== 'object'
    ) {
      return theirs === ours ? [] : [difference(path, theirs, ours)]
    }
    if (isList(theirs) || isList(ours)) {
      if (!isList(theirs) || !isList(ours) || theirs.length !== ours.length) {
        return [difference(path, theirs, ours)]
      }
      return theirs.flatMap((one, index) =>
        this.differences(one, ours[index] as Json, `${path}[${index}]`),
      )
    }
    return this.#objects(theirs, ours, path)
  }

  #objects(
    theirs: { readonly [key: string]: Json },
    ours: { readonly [key: string]: Json },
    path: string,
  ): string[] {
    const found: string[] = []
    const left = new Set(Object.keys(ours))
    // Ids as keys come last: the same ids stand as values beside them.
    const keys = Object.keys(theirs).sort(
      (a, b) => Number(idPattern.test(a)) - Number(idPattern.test(b)),
    )
    for (const key of keys) {
      const own = this.#ours.get(key) ?? key
      if (!left.delete(own)) found.push(`${path}.${key}: is missing`)
      else found.push(...this.differences(theirs[key] as Json, ours[own] as Json, `${path}.${key}`))
    }
    for (const key of left) found.push(`${path}.${key}: is not the reference's`)
    return found
  }

  #texts(theirs: string, ours: string, path: string): string[] {
    if (path.endsWith('._id'))
      return /^[0-9a-f]{24}$/.test(ours) ? [] : [difference(path, theirs, ours)]
    if (path.endsWith('.next_cursor')) {
      this.#ours.set(theirs, ours)
      return this.differences(decoded(theirs), decoded(ours), `${path}()`)
    }
    // Where the mount lies; the rest of the path is as in the reference.
    if (path.endsWith('.metadata.path')) {
      return tail(theirs) === tail(ours) ? [] : [difference(path, theirs, ours)]
    }
    // It follows from ids where the filter holds some; elsewhere the pages' own tests compare it.
    if (path.endsWith('.filter_fingerprint')) return []
    const known = this.#ours.get(theirs)
    if (known !== undefined) return known === ours ? [] : [difference(path, theirs, ours)]
    if (idPattern.test(theirs)) {
      if (!idPattern.test(ours) || prefixOf(theirs) !== prefixOf(ours)) {
        return [difference(path, theirs, ours)]
      }
      this.#ours.set(theirs, ours)
      return []
    }
    if (timePattern.test(theirs)) {
      const isTime = timePattern.test(ours) && (path.includes('next_cursor') || ours.endsWith('Z'))
      return isTime ? [] : [difference(path, theirs, ours)]
    }
    return theirs === ours ? [] : [difference(path, theirs, ours)]
  }
}

function decoded(cursor: string): Json {
  const envelope = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Record<string, Json>
  const token = envelope.snapshot_token
  return {
    ...envelope,
    snapshot_token: typeof token === 'string' ? (JSON.parse(token) as Json) : null,
  }
}

/** The last two steps of a path: an object's name and version. */
function tail(path: string): string {
  return path.split('/').slice(-2).join('/')
}

function prefixOf(id: string): string {
  return id.slice(0, -33)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function difference(path: string, theirs: Json, ours: Json): string {
  const shown = (value: Json) => JSON.stringify(value).slice(0, 120)
  return `${path}: ${shown(theirs)} is ${shown(ours)}`
}
