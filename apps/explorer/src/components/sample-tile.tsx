import type { Asset } from '@mindtrace/contract'
import { useState } from 'preact/hooks'
import { countOf } from '../format.ts'
import { openPicture } from '../picture-source.ts'
import { payloadUrl, type Sample, thumbnailUrl } from '../sample.ts'
import type { Size } from '../shapes.ts'
import { Overlay, type OverlayChoice, shownAnnotations } from './overlay.tsx'
import { Picture } from './picture.tsx'

/** One sample in the grid: its picture, what is drawn over it, its name. */
export function SampleTile({
  sample,
  overlay,
  onOpen,
}: {
  readonly sample: Sample
  readonly overlay: OverlayChoice
  readonly onOpen: () => void
}) {
  const [measured, setMeasured] = useState<Size>()
  const size = sample.size ?? measured
  const annotations = shownAnnotations(sample, overlay)
  return (
    <button
      type="button"
      class="tile"
      aria-label={`${sample.name}, ${countOf(sample.annotations.length, 'annotation')}`}
      onClick={onOpen}
    >
      <span class="picture">
        {sample.asset === undefined ? (
          <span class="no-picture">no image</span>
        ) : (
          <Thumbnail
            key={sample.asset.asset_id}
            asset={sample.asset}
            // Only the original tells how many pixels the boxes are measured in.
            onFirstLoad={() => {
              if (size === undefined && sample.annotations.length > 0) {
                void measure(sample.asset as Asset).then(setMeasured, () => {})
              }
            }}
          />
        )}
        {size !== undefined && annotations.length > 0 && (
          <Overlay annotations={annotations} size={size} colors={overlay.colors} />
        )}
      </span>
      <span class="tile-caption">
        <span class="name">{sample.name}</span>
        {sample.annotations.length > 0 && <span class="count">{sample.annotations.length}</span>}
        {sample.split !== null && <span class="split">{sample.split}</span>}
      </span>
    </button>
  )
}

/** The small picture; the full one where the lake can make no small one, words where it has neither. */
function Thumbnail({
  asset,
  onFirstLoad,
}: {
  readonly asset: Asset
  readonly onFirstLoad: () => void
}) {
  const [source, setSource] = useState<'thumbnail' | 'payload' | 'none'>('thumbnail')
  if (source === 'none') return <span class="no-picture">no preview</span>
  return (
    <Picture
      path={source === 'thumbnail' ? thumbnailUrl(asset) : payloadUrl(asset)}
      alt=""
      isLazy
      onLoad={onFirstLoad}
      onError={() => setSource(source === 'thumbnail' ? 'payload' : 'none')}
    />
  )
}

async function measure(asset: Asset): Promise<Size> {
  const image = new Image()
  const { url, release } = await openPicture(payloadUrl(asset))
  try {
    image.src = url
    await image.decode()
    return { width: image.naturalWidth, height: image.naturalHeight }
  } finally {
    release()
  }
}
