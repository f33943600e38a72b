import { type CallOptions, toInstant } from '@mindtrace/core'
import { compareKeys } from '../../mount-key.ts'
import type { GcsBucket, GcsObject, GcsPage } from './gcs-bucket.ts'

/** A step of a list with folders. */
export type GcsEntry =
  | { readonly kind: 'object'; readonly object: GcsObject }
  | { readonly kind: 'folder'; readonly name: string }

/** The objects whose name starts with `prefix`, in the order of their UTF-8 bytes, which is the store's. */
export async function* listObjects(
  bucket: GcsBucket,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<GcsObject> {
  for await (const { items = [] } of pagesOf(bucket, { prefix, ...options })) {
    for (const object of items) {
      options.signal?.throwIfAborted()
      yield object
    }
  }
}

/** One level: objects and folders merged in one order. */
export async function* listLevel(
  bucket: GcsBucket,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<GcsEntry> {
  let waiting: GcsEntry[] = []
  let last: string | undefined
  for await (const page of pagesOf(bucket, { prefix, delimiter: '/', ...options })) {
    const { items = [], prefixes = [], nextPageToken } = page
    const entries: GcsEntry[] = [
      ...waiting,
      ...items.map((object) => ({ kind: 'object', object }) as const),
      ...prefixes.map((name) => ({ kind: 'folder', name }) as const),
    ].sort((a, b) => compareKeys(nameOf(a), nameOf(b)))
    // fake-gcs-server gives all folders with the first page: those behind its last object have to wait.
    const reached = nextPageToken === undefined ? undefined : items.at(-1)?.name
    waiting = []
    for (const entry of entries) {
      options.signal?.throwIfAborted()
      const name = nameOf(entry)
      if (reached !== undefined && compareKeys(name, reached) > 0) waiting.push(entry)
      else if (name !== last) {
        last = name
        yield entry
      }
    }
  }
}

/** The time of an object's last change. */
export function modifiedAtOf({ updated }: GcsObject) {
  return toInstant(new Date(updated))
}

// While one page is used, the next is on its way.
async function* pagesOf(
  bucket: GcsBucket,
  request: CallOptions & { readonly prefix: string; readonly delimiter?: '/' },
): AsyncGenerator<GcsPage> {
  const left = new AbortController()
  const signal =
    request.signal === undefined ? left.signal : AbortSignal.any([request.signal, left.signal])
  const fetch = (pageToken?: string) => {
    const page = bucket.page({ ...request, pageToken, signal })
    page.catch(() => {}) // it is awaited later, or not at all
    return page
  }
  try {
    let next: Promise<GcsPage> | undefined = fetch()
    while (next !== undefined) {
      const page: GcsPage = await next
      next = page.nextPageToken === undefined ? undefined : fetch(page.nextPageToken)
      yield page
    }
  } finally {
    left.abort()
  }
}

function nameOf(entry: GcsEntry): string {
  return entry.kind === 'object' ? entry.object.name : entry.name
}
