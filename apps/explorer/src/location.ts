/** What the page shows, as kept in the address after `#`, so that reload, back and links work. */
export interface Location {
  readonly dataset: string | undefined
  /** Undefined is the latest. */
  readonly version: string | undefined
  readonly split: string | undefined
  /** The datum that is open in the large view. */
  readonly datum: string | undefined
  readonly hiddenLabels: readonly string[]
  readonly boxes: boolean
}

/** The page without any choice made. */
export const home: Location = {
  dataset: undefined,
  version: undefined,
  split: undefined,
  datum: undefined,
  hiddenLabels: [],
  boxes: true,
}

/** Reads `#/datasets/NAME/VERSION?split=train…`; whatever it does not understand is left out. */
export function parseLocation(hash: string): Location {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2)
  const [, family, dataset, version] = path.split('/').map(decode)
  if (family !== 'datasets' || !dataset) return home
  const search = new URLSearchParams(query)
  return {
    dataset,
    version: version || undefined,
    split: search.get('split') ?? undefined,
    datum: search.get('datum') ?? undefined,
    hiddenLabels: search.getAll('hide'),
    boxes: search.get('boxes') !== 'off',
  }
}

/** The inverse of {@link parseLocation}. */
export function formatLocation(location: Location): string {
  if (location.dataset === undefined) return '#/'
  const path = [location.dataset, location.version]
    .filter((segment) => segment !== undefined)
    .map(encodeURIComponent)
    .join('/')
  const search = new URLSearchParams()
  if (location.split !== undefined) search.set('split', location.split)
  for (const label of location.hiddenLabels) search.append('hide', label)
  if (!location.boxes) search.set('boxes', 'off')
  if (location.datum !== undefined) search.set('datum', location.datum)
  const query = search.size === 0 ? '' : `?${search}`
  return `#/datasets/${path}${query}`
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
