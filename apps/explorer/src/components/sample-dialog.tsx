import { useEffect, useRef, useState } from 'preact/hooks'
import { formatBytes, formatCount } from '../format.ts'
import { colorOf } from '../label-colors.ts'
import { lakeKey } from '../lake-key.ts'
import { payloadUrl, type Sample } from '../sample.ts'
import { anchorOf, type Shape, type Size } from '../shapes.ts'
import { AnnotationList } from './annotation-list.tsx'
import { Overlay, type OverlayChoice, shownAnnotations } from './overlay.tsx'
import { Picture } from './picture.tsx'

interface SampleDialogProps {
  readonly sample: Sample
  /** Its place in the list, from 0; negative when it was opened by a link. */
  readonly place: number
  readonly total: number
  readonly previous: Sample | undefined
  readonly next: Sample | undefined
  readonly overlay: OverlayChoice
  readonly onShow: (sample: Sample) => void
  readonly onToggleBoxes: () => void
  readonly onClose: () => void
}

/** The large view: the original image, its annotations and metadata. Arrow keys go on, Escape closes. */
export function SampleDialog(props: SampleDialogProps) {
  const { sample, place, total, previous, next, overlay, onShow, onToggleBoxes, onClose } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const [active, setActive] = useState<string>()

  useEffect(() => {
    const element = dialog.current as HTMLDialogElement
    element.showModal()
    element.focus()
    return () => element.close()
  }, [])

  useEffect(() => {
    // With a key the browser can't fetch it by itself, and would not keep it for us either.
    if (next?.asset !== undefined && lakeKey() === undefined) {
      new Image().src = payloadUrl(next.asset)
    }
  }, [next])

  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if (event.key === 'ArrowLeft' && previous !== undefined) onShow(previous)
    else if (event.key === 'ArrowRight' && next !== undefined) onShow(next)
    else if (event.key === 'b') onToggleBoxes()
    else return
    event.preventDefault()
  }

  return (
    <dialog
      ref={dialog}
      class="large"
      tabIndex={-1}
      aria-label={sample.name}
      onKeyDown={press}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose()
      }}
    >
      <div class="large-head">
        <h2>{sample.name}</h2>
        {sample.split !== null && <span class="split">{sample.split}</span>}
        {place >= 0 && (
          <span class="position">
            {formatCount(place + 1)} / {formatCount(total)}
          </span>
        )}
        <button
          type="button"
          class="icon"
          aria-pressed={overlay.isShown}
          title="Show boxes (B)"
          onClick={onToggleBoxes}
        >
          <Icon path="M4 4h12v12H4z" name="Boxes" />
        </button>
        <button
          type="button"
          class="icon"
          title="Previous (←)"
          disabled={previous === undefined}
          onClick={() => previous && onShow(previous)}
        >
          <Icon path="M12.5 4.5 7 10l5.5 5.5" name="Previous" />
        </button>
        <button
          type="button"
          class="icon"
          title="Next (→)"
          disabled={next === undefined}
          onClick={() => next && onShow(next)}
        >
          <Icon path="M7.5 4.5 13 10l-5.5 5.5" name="Next" />
        </button>
        <button type="button" class="icon" title="Close (Esc)" onClick={onClose}>
          <Icon path="m5 5 10 10M15 5 5 15" name="Close" />
        </button>
      </div>
      <div class="large-body">
        <Stage key={sample.datumId} sample={sample} overlay={overlay} active={active} />
        <aside>
          <AnnotationList sample={sample} colors={overlay.colors} onPoint={setActive} />
          <Facts sample={sample} />
        </aside>
      </div>
    </dialog>
  )
}

/** The original with its overlay, as large as fits. */
function Stage({
  sample,
  overlay,
  active,
}: {
  readonly sample: Sample
  readonly overlay: OverlayChoice
  readonly active: string | undefined
}) {
  const [measured, setMeasured] = useState<Size>()
  const [isBroken, setBroken] = useState(false)
  const size = sample.size ?? measured
  const annotations = shownAnnotations(sample, overlay)
  if (sample.asset === undefined || isBroken) {
    return (
      <div class="stage">
        <p class="no-picture">
          {isBroken
            ? `The image could not be loaded (payload ${sample.asset?.payload_status}).`
            : 'This sample has no image.'}
        </p>
      </div>
    )
  }
  return (
    <div class="stage">
      <div
        class="frame"
        style={size && { '--ratio': size.width / size.height, '--pixels': `${size.width}px` }}
      >
        <Picture
          path={payloadUrl(sample.asset)}
          alt={sample.name}
          onLoad={setMeasured}
          onError={() => setBroken(true)}
        />
        {size !== undefined && (
          <>
            <Overlay
              annotations={annotations}
              size={size}
              colors={overlay.colors}
              active={active}
            />
            {annotations.map(({ record, shape }) => {
              const { x, y } = anchorOf(shape as Shape, size)
              return (
                <span
                  key={record.annotation_id}
                  class={y < 4 ? 'tag inside' : 'tag'}
                  style={{
                    left: `${x}%`,
                    top: `${y}%`,
                    background: colorOf(overlay.colors, record.label),
                  }}
                >
                  {record.label}
                  {record.score !== null && ` ${record.score.toFixed(2)}`}
                </span>
              )
            })}
          </>
        )}
      </div>
    </div>
  )
}

function Facts({ sample }: { readonly sample: Sample }) {
  const { asset, size } = sample
  const facts: [string, string][] = [['datum', sample.datumId]]
  if (asset !== undefined) {
    facts.push(['asset', asset.asset_id], ['media type', asset.media_type])
    if (size !== undefined) facts.push(['pixels', `${size.width} × ${size.height}`])
    if (asset.size_bytes !== null) facts.push(['size', formatBytes(asset.size_bytes)])
    if (asset.payload_status !== 'present') facts.push(['payload', asset.payload_status])
  }
  const skipped = new Set(['width', 'height'])
  const metadata = Object.entries({ ...asset?.metadata, ...sample.metadata })
    .filter(([key]) => !skipped.has(key))
    .map(([key, value]): [string, string] => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
  return (
    <section>
      <h3 class="caption">Metadata</h3>
      <dl>
        {[...facts, ...metadata].map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Icon({ path, name }: { readonly path: string; readonly name: string }) {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" role="img">
      <title>{name}</title>
      <path d={path} />
    </svg>
  )
}
