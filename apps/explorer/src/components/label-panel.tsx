import { formatCount } from '../format.ts'
import { colorOf, type LabelColors } from '../label-colors.ts'

/** The labels with their counts as bars; each one can be shown or hidden in the pictures. */
export function LabelPanel({
  labels,
  colors,
  hidden,
  onChange,
}: {
  readonly labels: Readonly<Record<string, number>>
  readonly colors: LabelColors
  readonly hidden: ReadonlySet<string>
  readonly onChange: (hidden: string[]) => void
}) {
  const entries = Object.entries(labels).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const names = entries.map(([label]) => label)
  const most = Math.max(1, ...entries.map(([, count]) => count))
  const toggle = (label: string) =>
    onChange(names.filter((name) => hidden.has(name) !== (name === label)))
  const isOnly = (label: string) => names.every((name) => hidden.has(name) !== (name === label))
  const only = (label: string) =>
    onChange(isOnly(label) ? [] : names.filter((name) => name !== label))
  return (
    <section class="labels" aria-label="Labels">
      <h2 class="caption">
        Labels <span>{formatCount(names.length)}</span>
        {hidden.size > 0 && (
          <button type="button" class="link" onClick={() => onChange([])}>
            Show all
          </button>
        )}
      </h2>
      {entries.length === 0 && <p class="hint">Nothing is annotated in this version.</p>}
      <ul>
        {entries.map(([label, count]) => (
          <li key={label} class={hidden.has(label) ? 'off' : ''}>
            <button
              type="button"
              class="label"
              aria-pressed={!hidden.has(label)}
              title={hidden.has(label) ? `Show ${label}` : `Hide ${label}`}
              onClick={() => toggle(label)}
            >
              <span class="swatch" style={{ color: colorOf(colors, label) }} />
              <span class="name">{label}</span>
              <span class="count">{formatCount(count)}</span>
              <span class="bar">
                <span
                  style={{
                    width: `${Math.max(1, (count / most) * 100)}%`,
                    background: colorOf(colors, label),
                  }}
                />
              </span>
            </button>
            {names.length > 1 && (
              <button
                type="button"
                class="only"
                aria-label={`Show only ${label}`}
                onClick={() => only(label)}
              >
                {isOnly(label) ? 'all' : 'only'}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
