import type { DatasetSummary, Lake } from '@mindtrace/contract'
import { isMindtraceError } from '@mindtrace/core'
import { useEffect } from 'preact/hooks'
import { DatasetList } from './components/dataset-list.tsx'
import { DatasetView } from './components/dataset-view.tsx'
import { Header } from './components/header.tsx'
import { SignIn } from './components/sign-in.tsx'
import { Failed, Loading, NoDatasets } from './components/states.tsx'
import { useLocation } from './use-location.ts'
import { useRequest } from './use-request.ts'

/** The most datasets the list shows. */
const listLimit = 500

/** The whole page over a lake; `host` is how the lake is called. */
export function App({ lake, host }: { readonly lake: Lake; readonly host: string }) {
  const [location, navigate] = useLocation()
  const stats = useRequest('stats', (signal) => lake.lake.stats(undefined, { signal }))
  const datasets = useRequest('datasets', (signal) =>
    lake.datasets.list({ limit: listLimit }, { signal }),
  )
  const list = datasets.state === 'done' ? datasets.value.datasets : undefined
  const first = list?.[0]?.dataset_name

  useEffect(() => {
    if (location.dataset === undefined && first !== undefined) {
      navigate({ dataset: first }, 'replace')
    }
  }, [location.dataset, first, navigate])

  useEffect(() => {
    document.title =
      location.dataset === undefined ? 'Mindtrace' : `${location.dataset} · Mindtrace`
  }, [location.dataset])

  return (
    <>
      <Header host={host} stats={stats.state === 'done' ? stats.value : undefined} />
      {datasets.state === 'loading' && <Loading what="datasets" />}
      {datasets.state === 'failed' &&
        (isMindtraceError(datasets.error, 'UNAUTHENTICATED') ? (
          <SignIn />
        ) : (
          <Failed what="the datasets" {...datasets} />
        ))}
      {list !== undefined && list.length === 0 && <NoDatasets />}
      {list !== undefined && list.length > 0 && (
        <div class="layout">
          <DatasetList
            datasets={list}
            isCut={datasets.state === 'done' && datasets.value.next !== null}
            selected={location.dataset}
          />
          {location.dataset !== undefined && (
            <DatasetView
              key={location.dataset}
              lake={lake}
              name={location.dataset}
              summary={summaryOf(list, location.dataset)}
              location={location}
              navigate={navigate}
            />
          )}
        </div>
      )}
    </>
  )
}

function summaryOf(list: readonly DatasetSummary[], name: string): DatasetSummary | undefined {
  return list.find((dataset) => dataset.dataset_name === name)
}
