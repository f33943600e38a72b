/** One recorded exchange, as `make-fixtures.ts` keeps it. */
export interface Exchange {
  readonly n: number
  /** One of the four lakes of the story: A to D. */
  readonly service: string
  /** Null for a plain request over HTTP, and for what the client does with a store itself. */
  readonly task: string | null
  readonly http?: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | null
  }
  readonly request?: Json
  /** The header of that name. */
  readonly allow?: string
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

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const idPattern = /^[a-z_]+_[0-9a-f]{32}$/
/** What lies below these is the caller's. */
const freeForm = /\.(metadata|geometry|attributes)\b/
const tokenPattern = /^[0-9a-f]{32}$/
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
    if (path.endsWith('._id') && !freeForm.test(path))
      return /^[0-9a-f]{24}$/.test(ours) ? [] : [difference(path, theirs, ours)]
    if (path.endsWith('.next_cursor')) {
      this.#ours.set(theirs, ours)
      return this.differences(decoded(theirs), decoded(ours), `${path}()`)
    }
    // Where the mount lies; the rest of the path is as in the reference.
    if (
      (/\.metadata\b.*\.path$/.test(path) && theirs.startsWith('/')) ||
      path.endsWith('.metadata.path') ||
      path.endsWith('.upload_path')
    ) {
      return this.#texts(tail(theirs), tail(ours), `${path}()`)
    }
    if (/^https?:/.test(theirs) && URL.canParse(ours)) {
      return this.#addresses(new URL(theirs), new URL(ours), path)
    }
    const [theirIds, ourIds] = [theirs.match(uuid), ours.match(uuid)]
    if (theirIds !== null) {
      const rest = theirs.split(uuid).at(-1) === ours.split(uuid).at(-1)
      if (!rest || theirIds.length !== ourIds?.length) return [difference(path, theirs, ours)]
      return theirIds.flatMap((id, index) => this.#learned(id, ourIds[index] as string, path))
    }
    // A staged object is named after its session.
    const [theirSession, theirRest] = splitPath(theirs)
    const [ourSession, ourRest] = splitPath(ours)
    if (theirRest !== '' && theirRest === ourRest && idPattern.test(theirSession)) {
      return this.#texts(theirSession, ourSession, path)
    }
    // It follows from ids where the filter holds some; elsewhere the pages' own tests compare it.
    if (path.endsWith('.filter_fingerprint')) return []
    if (this.#ours.has(theirs)) return this.#learned(theirs, ours, path)
    if (idPattern.test(theirs) || tokenPattern.test(theirs)) {
      const fits = (idPattern.test(theirs) ? idPattern : tokenPattern).test(ours)
      if (!fits || prefixOf(theirs) !== prefixOf(ours)) {
        return [difference(path, theirs, ours)]
      }
      return this.#learned(theirs, ours, path)
    }
    if (timePattern.test(theirs)) {
      const isTime = timePattern.test(ours) && (path.includes('next_cursor') || ours.endsWith('Z'))
      return isTime ? [] : [difference(path, theirs, ours)]
    }
    return theirs === ours ? [] : [difference(path, theirs, ours)]
  }

  #learned(theirs: string, ours: string, path: string): string[] {
    const known = this.#ours.get(theirs) ?? ours
    this.#ours.set(theirs, known)
    return known === ours ? [] : [difference(path, theirs, ours)]
  }

  /** Signed addresses: where in which bucket, and what was signed besides the host. */
  #addresses(theirs: URL, ours: URL, path: string): string[] {
    const steps = ({ pathname }: URL) => pathname.split('/').slice(2)
    const found = steps(theirs).flatMap((step, index) =>
      this.#texts(step, steps(ours)[index] ?? '', `${path}/${index}`),
    )
    for (const name of signed) {
      const [wanted, given] = [theirs, ours].map((url) => url.searchParams.get(name) ?? null)
      if (wanted !== given) found.push(difference(`${path}?${name}`, wanted ?? null, given ?? null))
    }
    return steps(theirs).length === steps(ours).length ? found : [`${path}: another path`]
  }
}

const signed = [
  'response-content-type',
  'response-content-disposition',
  'X-Amz-Expires',
  'X-Amz-Algorithm',
]

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

function splitPath(path: string): readonly [string, string] {
  const slash = path.indexOf('/')
  return slash < 0 ? [path, ''] : [path.slice(0, slash), path.slice(slash)]
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

/** What is wrong with an answer, in a line each. */
export function faults(
  exchange: Pick<Exchange, 'status' | 'response' | 'wanted'>,
  ours: Answer,
  translation: Translation,
): string[] {
  const { status, response = null, wanted } = exchange
  if (status === 500) {
    if (wanted?.includes(ours.status)) return []
    return [`status ${ours.status} is none of ${wanted?.join(', ')}: ${JSON.stringify(ours.body)}`]
  }
  if (ours.status !== status) {
    return [
      `status ${ours.status} instead of ${status}: ${JSON.stringify(ours.body).slice(0, 300)}`,
    ]
  }
  if (status === 200) return translation.differences(response, ours.body)
  return errorFaults(response, ours.body)
}

/** Errors say the same kind of thing; their texts are ours. */
function errorFaults(theirs: Json, ours: Json): string[] {
  const [wanted, found] = [theirs, ours].map((body) => (body as { readonly detail: Json }).detail)
  if (Array.isArray(wanted)) {
    // In process a detail is one sentence.
    if (!Array.isArray(found)) return []
    const places = (issues: readonly Json[]) =>
      issues.map((issue) => {
        const { type, loc } = issue as { readonly type: Json; readonly loc: Json }
        return JSON.stringify([type, loc])
      })
    const [theirPlaces, ourPlaces] = [places(wanted), places(found)]
    const same = theirPlaces.join() === ourPlaces.join()
    return same ? [] : [`detail ${theirPlaces.join()} is ${ourPlaces.join()}`]
  }
  const code = (detail: Json | undefined) =>
    typeof detail === 'object' && detail !== null && 'code' in detail ? detail.code : typeof detail
  return code(wanted) === code(found) ? [] : [`detail ${JSON.stringify(found)} is of another kind`]
}
