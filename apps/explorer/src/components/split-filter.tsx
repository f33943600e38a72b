import type { DatasetStats } from '@mindtrace/contract'
import { formatCount } from '../format.ts'

const order = ['train', 'val', 'test', 'none']

/** Chips that narrow the samples to one split. */
export function SplitFilter({
  stats,
  selected,
  onChoose,
}: {
  readonly stats: DatasetStats
  readonly selected: string | undefined
  readonly onChoose: (split: string | undefined) => void
}) {
  const splits = Object.entries(stats.splits)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  const chips = [
    { split: undefined, name: 'All', count: stats.datums },
    ...splits.map(([split, count]) => ({
      split,
      name: split === 'none' ? 'no split' : split,
      count,
    })),
  ]
  return (
    <fieldset class="chips">
      <legend class="hidden">Split</legend>
      {chips.map(({ split, name, count }) => (
        <button
          key={name}
          type="button"
          aria-pressed={split === selected}
          onClick={() => onChoose(split)}
        >
          {name} <span>{formatCount(count)}</span>
        </button>
      ))}
    </fieldset>
  )
}
