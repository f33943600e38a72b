import { formatCount } from '../format.ts'
import { colorOf, type LabelColors } from '../label-colors.ts'
import type { Annotation, Sample } from '../sample.ts'
import { describeGeometry } from '../shapes.ts'

/** The annotations of a sample in words; pointing at one marks it in the picture. */
export function AnnotationList({
  sample,
  colors,
  onPoint,
}: {
  readonly sample: Sample
  readonly colors: LabelColors
  readonly onPoint: (annotationId: string | undefined) => void
}) {
  const { annotations } = sample
  return (
    <section>
      <h3 class="caption">
        Annotations <span>{formatCount(annotations.length)}</span>
      </h3>
      {annotations.length === 0 && <p class="hint">None.</p>}
      <ul class="annotations">
        {annotations.map((annotation) => (
          <li
            key={annotation.record.annotation_id}
            onMouseEnter={() => onPoint(annotation.record.annotation_id)}
            onMouseLeave={() => onPoint(undefined)}
          >
            <span class="swatch" style={{ color: colorOf(colors, annotation.record.label) }} />
            <span class="name">{annotation.record.label}</span>
            {annotation.record.score !== null && (
              <span class="count">{annotation.record.score.toFixed(2)}</span>
            )}
            <span class="detail">{detailOf(annotation)}</span>
            <span class="detail">{attributesOf(annotation)}</span>
            <span class="detail">
              {annotation.record.source.name} ({annotation.record.source.type}) ·{' '}
              {annotation.setName}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function attributesOf({ record }: Annotation): string {
  return Object.entries(record.attributes)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}

function detailOf({ record }: Annotation): string {
  const geometry = describeGeometry(record.geometry)
  return geometry === '' ? record.kind : `${record.kind} ${geometry}`
}
