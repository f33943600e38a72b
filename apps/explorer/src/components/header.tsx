import type { LakeStats } from '@mindtrace/contract'
import { countOf, formatBytes } from '../format.ts'
import { lakeKey, signIn } from '../lake-key.ts'

/** The bar at the top: which lake this is, and how much is in it. */
export function Header({
  host,
  stats,
}: {
  readonly host: string
  readonly stats: LakeStats | undefined
}) {
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="Mindtrace, start">
        <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
          <rect width="24" height="24" rx="6" />
          <path d="M5.5 16.5v-9l6.5 6 6.5-6v9" />
        </svg>
        Mindtrace
      </a>
      <span class="lake-name" title="The address of this lake">
        {host}
      </span>
      {stats !== undefined && (
        <ul class="facts" aria-label="In this lake">
          {countsOf(stats).map((text) => (
            <li key={text}>{text}</li>
          ))}
          <li>{formatBytes(stats.payload_bytes)}</li>
        </ul>
      )}
      <a class="link at-end" href="/docs" title="What the service answers, to read and to try">
        Reference
      </a>
      {lakeKey() !== undefined && (
        <button type="button" class="link at-end" onClick={() => signIn(undefined)}>
          Sign out
        </button>
      )}
    </header>
  )
}

function countsOf({ counts }: LakeStats): string[] {
  const { assets, annotation_records: annotations, dataset_versions: versions } = counts
  return [
    versions === undefined ? undefined : countOf(versions, 'dataset version'),
    assets === undefined ? undefined : countOf(assets, 'asset'),
    annotations === undefined ? undefined : countOf(annotations, 'annotation'),
  ].filter((text) => text !== undefined)
}
