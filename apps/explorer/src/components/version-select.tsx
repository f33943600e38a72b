import type { Lake } from '@mindtrace/contract'
import { useRequest } from '../use-request.ts'

/** Versions come with their manifests, so no more than these are fetched. */
const versionLimit = 50

/** Chooses the version; plain text when there is only one. */
export function VersionSelect({
  lake,
  name,
  version,
  versions,
  onChoose,
}: {
  readonly lake: Lake
  readonly name: string
  readonly version: string
  readonly versions: number
  readonly onChoose: (version: string) => void
}) {
  const list = useRequest(versions > 1 ? name : undefined, (signal) =>
    lake.datasetVersions.listPage({ dataset_name: name, limit: versionLimit }, { signal }),
  )
  if (versions <= 1) return <span class="version">{version}</span>
  const known = list.state === 'done' ? list.value.items.map((item) => item.version) : []
  const options = known.includes(version) ? known : [version, ...known]
  return (
    <select
      class="version"
      aria-label="Version"
      value={version}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      {options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  )
}
