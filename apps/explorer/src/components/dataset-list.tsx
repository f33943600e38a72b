import type { DatasetSummary } from '@mindtrace/contract'
import { useState } from 'preact/hooks'
import { countOf, formatCount } from '../format.ts'
import { formatLocation, home } from '../location.ts'

/** From here on the list has a field to narrow it. */
const searchFrom = 8

/** The datasets of the lake at the side of the page. */
export function DatasetList({
  datasets,
  isCut,
  selected,
}: {
  readonly datasets: readonly DatasetSummary[]
  /** Whether the lake holds more datasets than these. */
  readonly isCut: boolean
  readonly selected: string | undefined
}) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const shown = datasets.filter((dataset) => dataset.dataset_name.toLowerCase().includes(wanted))
  return (
    <nav class="datasets" aria-label="Datasets">
      <h2 class="caption">
        Datasets <span>{formatCount(datasets.length)}</span>
      </h2>
      {datasets.length >= searchFrom && (
        <input
          type="search"
          placeholder="Filter"
          aria-label="Filter datasets by name"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <ul>
        {shown.map((dataset) => (
          <li key={dataset.dataset_name}>
            <a
              href={formatLocation({ ...home, dataset: dataset.dataset_name })}
              aria-current={dataset.dataset_name === selected ? 'page' : undefined}
            >
              <span class="name">{dataset.dataset_name}</span>
              <span class="detail">
                {countOf(dataset.datums, 'sample')} · {dataset.latest_version}
                {dataset.versions > 1 && ` (of ${dataset.versions})`}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="hint">No dataset has “{search.trim()}” in its name.</p>}
      {isCut && <p class="hint">The first {formatCount(datasets.length)} by name.</p>}
    </nav>
  )
}
