import type { DatasetStats, DatasetSummary, Lake } from '@mindtrace/contract'
import { useMemo } from 'preact/hooks'
import { countOf, formatBytes, formatDay } from '../format.ts'
import { labelColors } from '../label-colors.ts'
import type { Location } from '../location.ts'
import type { Navigate } from '../use-location.ts'
import { useRequest } from '../use-request.ts'
import { LabelPanel } from './label-panel.tsx'
import { SampleBrowser } from './sample-browser.tsx'
import { SplitFilter } from './split-filter.tsx'
import { Empty, Failed, Loading } from './states.tsx'
import { VersionSelect } from './version-select.tsx'

interface DatasetViewProps {
  readonly lake: Lake
  readonly name: string
  /** Undefined when the lake's list does not have the dataset. */
  readonly summary: DatasetSummary | undefined
  readonly location: Location
  readonly navigate: Navigate
}

/** One dataset: what is in it, and its samples. */
export function DatasetView({ lake, name, summary, location, navigate }: DatasetViewProps) {
  const version = location.version ?? summary?.latest_version
  const stats = useRequest(version && `${name}@${version}`, (signal) =>
    lake.datasets.stats({ dataset_name: name, version: version as string }, { signal }),
  )
  if (version === undefined) {
    return (
      <main class="dataset">
        <Empty title={`No dataset “${name}”`}>
          <p>Choose another one from the list.</p>
        </Empty>
      </main>
    )
  }
  return (
    <main class="dataset">
      <div class="dataset-head">
        <h1>{name}</h1>
        <VersionSelect
          lake={lake}
          name={name}
          version={version}
          versions={summary?.versions ?? 1}
          onChoose={(next) => navigate({ version: next, split: undefined, datum: undefined })}
        />
        {stats.state === 'done' && <Facts stats={stats.value} summary={summary} />}
      </div>
      {stats.state === 'loading' && <Loading what={name} />}
      {stats.state === 'failed' && <Failed what={`${name} ${version}`} {...stats} />}
      {stats.state === 'done' && (
        <Content lake={lake} stats={stats.value} location={location} navigate={navigate} />
      )}
    </main>
  )
}

function Facts({
  stats,
  summary,
}: {
  readonly stats: DatasetStats
  readonly summary: DatasetSummary | undefined
}) {
  return (
    <ul class="facts" aria-label="In this dataset version">
      <li>{countOf(stats.datums, 'sample')}</li>
      <li>{countOf(stats.annotation_records, 'annotation')}</li>
      <li>{formatBytes(stats.payload_bytes)}</li>
      {summary?.latest_version === stats.version && <li>{formatDay(summary.updated_at)}</li>}
    </ul>
  )
}

interface ContentProps {
  readonly lake: Lake
  readonly stats: DatasetStats
  readonly location: Location
  readonly navigate: Navigate
}

function Content({ lake, stats, location, navigate }: ContentProps) {
  const colors = useMemo(() => labelColors(Object.keys(stats.labels)), [stats])
  const hiddenKey = location.hiddenLabels.join('\n')
  const hidden = useMemo(() => new Set(location.hiddenLabels), [hiddenKey])
  return (
    <>
      <div class="toolbar">
        <SplitFilter
          stats={stats}
          selected={location.split}
          onChoose={(split) => navigate({ split, datum: undefined })}
        />
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            aria-checked={location.boxes}
            checked={location.boxes}
            onChange={(event) => navigate({ boxes: event.currentTarget.checked }, 'replace')}
          />
          <span aria-hidden="true" />
          Boxes
        </label>
      </div>
      <div class="dataset-body">
        <LabelPanel
          labels={stats.labels}
          colors={colors}
          hidden={hidden}
          onChange={(hiddenLabels) => navigate({ hiddenLabels }, 'replace')}
        />
        <SampleBrowser
          lake={lake}
          stats={stats}
          split={location.split}
          openDatum={location.datum}
          overlay={{ colors, hidden, isShown: location.boxes }}
          navigate={navigate}
        />
      </div>
    </>
  )
}
