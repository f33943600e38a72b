import { basename, extname } from 'node:path'
import type {
  IngestAnnotationSet,
  IngestAsset,
  IngestPayload,
  IngestRecord,
} from '@mindtrace/contract'
import type { Finding } from '../finding.ts'
import { assetOf, type CheckedImage, readCheckedImage } from '../images/checked-image.ts'
import type { ImageHeader } from '../images/image-header.ts'
import { Refusal } from '../refusal.ts'
import type { SourceEvent } from '../sample-source.ts'
import type { LabelFile } from './label-file.ts'
import { ObjectReader } from './object-records.ts'
import { readSampleLabel } from './sample-label.ts'
import type { BoxConvention, ImageSize } from './voc-box.ts'
import type { VocEntry } from './voc-plan.ts'
import { recordOf, setOf } from './voc-records.ts'
import type { VocSchemas } from './voc-schemas.ts'

export interface SampleContext {
  /** Absolute. */
  readonly root: string
  readonly convention: BoxConvention
  readonly schemas: VocSchemas
}

/** Reads one image with its label file and masks. Bad input becomes findings; it throws for no file. */
export async function readVocSample(
  entry: VocEntry,
  context: SampleContext,
): Promise<SourceEvent[]> {
  const findings = [...entry.findings]
  try {
    const label = await readSampleLabel(entry, context.root, findings)
    const image = await readCheckedImage(entry.image, context.root, findings)
    return [await assemble(entry, context, label, image, findings)]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [
      ...findings.map((finding) => ({ type: 'problem', finding, skipped: false }) as const),
      { type: 'problem', finding: error.finding, skipped: true },
    ]
  }
}

async function assemble(
  entry: VocEntry,
  context: SampleContext,
  label: LabelFile | null,
  image: CheckedImage,
  findings: Finding[],
): Promise<SourceEvent> {
  const names = {
    source_image_id: basename(entry.image, extname(entry.image)),
    source_path: entry.image,
  }
  const boxFrame = frameOfBoxes(entry, image.header, label, findings)
  const assets: Record<string, IngestAsset> = {
    image: assetOf('image', image, {
      ...names,
      ...(image.header.orientation === 1 ? {} : { exif_orientation: image.header.orientation }),
    }),
  }
  const payloads: Record<string, IngestPayload> = { image: image.file.payload }
  const files: Record<string, string> = { image: entry.image }
  const sets: IngestAnnotationSet[] = []
  const { schemas } = context
  if (entry.classes.length > 0) {
    const records = entry.classes.map((name) =>
      recordOf(schemas, {
        kind: 'classification',
        label: name,
        attributes: { layer: 'classification' },
      }),
    )
    sets.push(setOf(schemas, 'classification', records))
  }
  if (label !== null && entry.label !== null) {
    const objects = new ObjectReader({ path: entry.label, image: boxFrame, ...context }, findings)
    sets.push(setOf(schemas, 'detection', objects.records(label.objects)))
  }
  const maskRecords: IngestRecord[] = []
  for (const layer of maskLayers) {
    const path = entry[layer.entry]
    if (path === null) continue
    const mask = await readMask(path, context.root, image.header, findings)
    if (mask === null) continue
    assets[layer.role] = assetOf('mask', mask, {
      source_image_id: names.source_image_id,
      source_path: path,
      mask_encoding: layer.encoding,
      background_id: 0,
      ignore_index: 255,
    })
    payloads[layer.role] = mask.file.payload
    files[layer.role] = path
    maskRecords.push(
      recordOf(schemas, {
        kind: 'mask',
        label: layer.role,
        geometry: { type: 'mask' },
        attributes: {
          layer: 'segmentation',
          encoding: layer.encoding,
          background_id: 0,
          ignore_index: 255,
          source_mask: layer.source,
        },
        maskRole: layer.role,
      }),
    )
  }
  if (maskRecords.length > 0) sets.push(setOf(schemas, 'segmentation', maskRecords))
  return {
    type: 'sample',
    sample: {
      source_key: entry.image,
      split: entry.split,
      metadata: names,
      assets,
      annotation_sets: sets,
    },
    payloads,
    files,
    findings,
  }
}

const maskLayers = [
  {
    entry: 'semanticMask',
    role: 'semantic_mask',
    encoding: 'class_id',
    source: 'SegmentationClass',
  },
  {
    entry: 'instanceMask',
    role: 'instance_mask',
    encoding: 'instance_id',
    source: 'SegmentationObject',
  },
] as const

/** The size that boxes refer to: the stored pixels, or the picture as EXIF turns it. */
function frameOfBoxes(
  entry: VocEntry,
  header: ImageHeader,
  label: LabelFile | null,
  findings: Finding[],
): ImageSize {
  const { width, height, orientation } = header
  const stated = label?.size ?? null
  const isTurned =
    orientation >= 5 && stated !== null && stated.width === height && stated.height === width
  if (orientation !== 1) {
    findings.push({
      level: 'info',
      code: 'exif_orientation',
      path: entry.image,
      message: `EXIF orientation ${orientation}: pixels and boxes are kept as they are${
        isTurned ? '; the boxes refer to the turned picture' : ''
      }`,
    })
  }
  if (isTurned) return { width: height, height: width }
  if (stated !== null && (stated.width !== width || stated.height !== height)) {
    findings.push({
      level: 'warning',
      code: 'size_mismatch',
      path: entry.label ?? entry.image,
      message: `the label file says ${stated.width}x${stated.height}, the image is ${width}x${height}`,
      before: stated,
      after: { width, height },
    })
  }
  return { width, height }
}

async function readMask(
  path: string,
  root: string,
  image: ImageHeader,
  findings: Finding[],
): Promise<CheckedImage | null> {
  let mask: CheckedImage
  try {
    mask = await readCheckedImage(path, root, findings)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    findings.push({
      level: 'warning',
      code: 'mask_unreadable',
      path,
      message: `left out: ${error.message}`,
    })
    return null
  }
  const { width, height } = mask.header
  if (width !== image.width || height !== image.height) {
    findings.push({
      level: 'warning',
      code: 'mask_size_mismatch',
      path,
      message: `the mask is ${width}x${height}, its image ${image.width}x${image.height}`,
    })
  }
  return mask
}
