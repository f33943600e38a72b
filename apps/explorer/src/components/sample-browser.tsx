import type { DatasetStats, Lake, StructuredFilter } from '@mindtrace/contract'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { type Sample, sampleOf, sampleOfDatum } from '../sample.ts'
import type { LoadPage } from '../sample-feed.ts'
import type { Navigate } from '../use-location.ts'
import { useRequest } from '../use-request.ts'
import { useSampleFeed } from '../use-sample-feed.ts'
import type { OverlayChoice } from './overlay.tsx'
import { SampleDialog } from './sample-dialog.tsx'
import { SampleTile } from './sample-tile.tsx'
import { Empty, Failed, Loading } from './states.tsx'

const pageSize = 60

interface SampleBrowserProps {
  readonly lake: Lake
  readonly stats: DatasetStats
  readonly split: string | undefined
  readonly openDatum: string | undefined
  readonly overlay: OverlayChoice
  readonly navigate: Navigate
}

/** The grid of samples, loaded as the reader scrolls, and the large view of the open one. */
export function SampleBrowser(props: SampleBrowserProps) {
  const { lake, stats, split, openDatum, overlay, navigate } = props
  const key = JSON.stringify([stats.dataset_name, stats.version, split])
  const feed = useSampleFeed(key, pageLoader(lake, stats, split))
  const samples = useMemo(() => feed.pages.flat(), [feed.pages])
  const place = samples.findIndex((sample) => sample.datumId === openDatum)
  // A link may open a sample that the grid has not reached.
  const isElsewhere = openDatum !== undefined && place < 0 && feed.pages.length > 0
  const linked = useRequest(isElsewhere ? openDatum : undefined, (signal) =>
    lake.datums.resolve({ id: openDatum as string }, { signal }),
  )
  const open =
    samples[place] ??
    (isElsewhere && linked.state === 'done'
      ? sampleOfDatum(linked.value.resolved_datum)
      : undefined)

  const show = (sample: Sample) =>
    navigate({ datum: sample.datumId }, openDatum === undefined ? 'push' : 'replace')
  const isNearEnd = place >= 0 && place >= samples.length - 3
  useEffect(() => {
    if (isNearEnd && feed.status === 'more') feed.more()
  }, [isNearEnd, feed.status])

  return (
    <section class="samples" aria-label="Samples" aria-busy={feed.status === 'loading'}>
      <div class="grid">
        {feed.pages.map((page, index) => (
          // Pages are only ever appended, so a page's number is its identity.
          <GridPage key={`${key} ${index}`} samples={page} overlay={overlay} onOpen={show} />
        ))}
      </div>
      {feed.status === 'loading' && <Loading what="samples" />}
      {feed.status === 'failed' && (
        <Failed what="the samples" error={feed.error} retry={feed.more} />
      )}
      {feed.status === 'end' && samples.length === 0 && (
        <Empty title="No samples here">
          <p>
            {split === undefined
              ? 'This version has no samples.'
              : 'This version has no samples in this split.'}
          </p>
        </Empty>
      )}
      {feed.status === 'more' && <ScrollEnd key={feed.pages.length} onReach={feed.more} />}
      {open !== undefined && (
        <SampleDialog
          sample={open}
          place={place}
          total={totalOf(stats, split)}
          previous={samples[place - 1]}
          next={place < 0 ? undefined : samples[place + 1]}
          overlay={overlay}
          onShow={show}
          onToggleBoxes={() => navigate({ boxes: !overlay.isShown }, 'replace')}
          onClose={() => navigate({ datum: undefined }, 'back')}
        />
      )}
    </section>
  )
}

/** A page of tiles; they are made again only when the page or what is drawn over it changes. */
function GridPage({
  samples,
  overlay,
  onOpen,
}: {
  readonly samples: readonly Sample[]
  readonly overlay: OverlayChoice
  readonly onOpen: (sample: Sample) => void
}) {
  const { colors, hidden, isShown } = overlay
  const open = useRef(onOpen)
  open.current = onOpen
  const tiles = useMemo(
    () =>
      samples.map((sample) => (
        <SampleTile
          key={sample.datumId}
          sample={sample}
          overlay={{ colors, hidden, isShown }}
          onOpen={() => open.current(sample)}
        />
      )),
    [samples, colors, hidden, isShown],
  )
  return <>{tiles}</>
}

/** Reports when it comes near the visible part of the page. */
function ScrollEnd({ onReach }: { readonly onReach: () => void }) {
  const mark = useRef<HTMLDivElement>(null)
  const reach = useRef(onReach)
  reach.current = onReach
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) reach.current()
      },
      { rootMargin: '1200px' },
    )
    observer.observe(mark.current as HTMLDivElement)
    return () => observer.disconnect()
  }, [])
  return <div ref={mark} class="scroll-end" />
}

function pageLoader(lake: Lake, stats: DatasetStats, split: string | undefined): LoadPage {
  return async (cursor, signal) => {
    const { items, page } = await lake.datasetVersions.viewPage(
      {
        dataset_name: stats.dataset_name,
        version: stats.version,
        limit: pageSize,
        cursor,
        expand: { assets: true, annotation_sets: true, annotation_records: true },
        filters: splitFilters(split),
      },
      { signal },
    )
    return { samples: items.map(sampleOf), next: page.has_more ? page.next_cursor : null }
  }
}

function splitFilters(split: string | undefined): StructuredFilter[] {
  if (split === undefined) return []
  return [{ field: 'split', op: 'eq', value: split === 'none' ? null : split }]
}

function totalOf(stats: DatasetStats, split: string | undefined): number {
  return split === undefined ? stats.datums : (stats.splits[split] ?? 0)
}
