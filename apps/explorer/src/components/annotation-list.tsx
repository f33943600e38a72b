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
            <Attributes annotation={annotation} />
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

function Attributes({ annotation }: { readonly annotation: Annotation }) {
  const attributes = Object.entries(annotation.record.attributes).filter(
    ([, value]) => value !== null && value !== false && value !== '',
  )
  if (attributes.length === 0) return null
  return (
    <span class="attributes">
      {attributes.map(([key, value]) => (
        <span key={key}>
          {value === true
            ? key
            : `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`}
        </span>
      ))}
    </span>
  )
}

function detailOf({ record }: Annotation): string {
  const geometry = describeGeometry(record.geometry)
  return geometry === '' ? record.kind : `${record.kind} ${geometry}`
}
