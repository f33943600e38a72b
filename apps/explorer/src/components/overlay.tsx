import { colorOf, type LabelColors } from '../label-colors.ts'
import type { Annotation, Sample } from '../sample.ts'
import type { Shape, Size } from '../shapes.ts'

/** What is drawn over the pictures. */
export interface OverlayChoice {
  readonly colors: LabelColors
  readonly hidden: ReadonlySet<string>
  readonly isShown: boolean
}

/** The annotations of a sample that can be drawn and are not hidden. */
export function shownAnnotations(sample: Sample, choice: OverlayChoice): readonly Annotation[] {
  if (!choice.isShown) return []
  return sample.annotations.filter(
    ({ record, shape }) => shape !== undefined && !choice.hidden.has(record.label),
  )
}

/** The shapes over an image; its user units are pixels of the original. */
export function Overlay({
  annotations,
  size,
  colors,
  active,
}: {
  readonly annotations: readonly Annotation[]
  readonly size: Size
  readonly colors: LabelColors
  /** The annotation that is pointed at. */
  readonly active?: string | undefined
}) {
  return (
    <svg class="overlay" viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true">
      {annotations.map(({ record, shape }) => (
        <g
          key={record.annotation_id}
          class={overlayClass(record.annotation_id, active)}
          style={{ color: colorOf(colors, record.label) }}
        >
          <Outline shape={shape as Shape} part="halo" />
          <Outline shape={shape as Shape} part="line" />
        </g>
      ))}
    </svg>
  )
}

function overlayClass(id: string, active: string | undefined): string {
  if (active === undefined) return ''
  return id === active ? 'active' : 'dim'
}

function Outline({ shape, part }: { readonly shape: Shape; readonly part: string }) {
  if (shape.form === 'box') {
    const { x, y, width, height } = shape
    return <rect class={part} x={x} y={y} width={width} height={height} />
  }
  const points = shape.points.map(({ x, y }) => `${x},${y}`).join(' ')
  return shape.closed ? (
    <polygon class={part} points={points} />
  ) : (
    <polyline class={part} points={points} />
  )
}
