import { basename, extname, join } from 'node:path'
import type {
  IngestAnnotationSet,
  IngestAsset,
  IngestPayload,
  IngestRecord,
} from '@mindtrace/contract'
import { errorMessage, systemErrorCode } from '@mindtrace/core'
import type { Finding, FindingCode } from '../finding.ts'
import {
  type ImageHeader,
  imageExtensions,
  isCutShort,
  readImageHeader,
} from '../images/image-header.ts'
import { type PayloadFile, readPayloadFile, readSmallFile } from '../images/payload-file.ts'
import type { SourceEvent } from '../sample-source.ts'
import { isUnsafePath } from './image-lists.ts'
import { flagNames, type LabelFile, type LabelObject, parseLabelFile } from './label-file.ts'
import {
  type Box,
  type BoxConvention,
  type Corners,
  clipBox,
  type ImageSize,
  toBox,
} from './voc-box.ts'
import { vocClassId } from './voc-classes.ts'
import { labelLimitBytes, type VocEntry } from './voc-plan.ts'
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
    const label = await readLabel(entry, context.root, findings)
    const image = await readImage(entry.image, context.root, findings)
    return [await assemble(entry, context, label, image, findings)]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [
      ...findings.map((finding) => ({ type: 'problem', finding, skipped: false }) as const),
      { type: 'problem', finding: error.finding, skipped: true },
    ]
  }
}

/** Why a sample is left out. */
class Refusal extends Error {
  readonly finding: Finding

  constructor(code: FindingCode, path: string, message: string) {
    super(message)
    this.finding = { level: 'error', code, path, message }
  }
}

async function readLabel(
  entry: VocEntry,
  root: string,
  findings: Finding[],
): Promise<LabelFile | null> {
  const { image, label: path } = entry
  const missing = (message: string) => {
    findings.push({ level: 'warning', code: 'label_missing', path: image, message })
    return null
  }
  if (path === null) return missing('the image has no label file: it gets no boxes')
  let label: LabelFile
  try {
    const bytes = await readSmallFile(join(root, path), labelLimitBytes)
    if (bytes === null) {
      throw new Refusal(
        'label_too_large',
        path,
        `label files may have up to ${labelLimitBytes} bytes`,
      )
    }
    label = parseLabelFile(bytes)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('broken_xml', path, errorMessage(error))
  }
  if (entry.rivals.length > 0) {
    const meant = entry.rivals.find((rival) => sameName(label.filename, rival)) ?? entry.rivals[0]
    findings.push({
      level: 'warning',
      code: 'same_stem',
      path: image,
      message: `one label file for ${entry.rivals.join(' and ')}: it is taken for ${meant}`,
    })
    if (meant !== image) return missing(`the label file is taken for ${meant}`)
  }
  checkNames(label, image, path, findings)
  return label
}

function checkNames(label: LabelFile, image: string, path: string, findings: Finding[]): void {
  const { filename } = label
  const unsafe = [
    filename !== null && isUnsafePath(filename) ? filename : null,
    // An absolute path is what labelling tools write; it is never used.
    label.path?.split(/[/\\]/).includes('..') === true ? label.path : null,
  ]
  for (const name of unsafe) {
    if (name === null) continue
    findings.push({
      level: 'warning',
      code: 'path_outside',
      path,
      message: `the label file names "${name}", which leads out of the folder; its own image is taken`,
      before: name,
      after: image,
    })
  }
  if (filename === null || sameName(filename, image) || unsafe[0] !== null) return
  const stem = basename(image, extname(image)).normalize('NFC')
  if (filename.normalize('NFC') === stem) return
  findings.push({
    level: 'info',
    code: 'filename_mismatch',
    path,
    message: `the label file names "${filename}"; it is taken for ${image}, which has its name`,
    before: filename,
    after: basename(image),
  })
}

function sameName(filename: string | null, image: string): boolean {
  if (filename === null) return false
  const name = filename.replaceAll('\\', '/').normalize('NFC')
  return name.slice(name.lastIndexOf('/') + 1) === basename(image).normalize('NFC')
}

interface CheckedImage {
  readonly file: PayloadFile
  readonly header: ImageHeader
}

async function readImage(path: string, root: string, findings: Finding[]): Promise<CheckedImage> {
  let file: PayloadFile
  try {
    file = await readPayloadFile(join(root, path))
  } catch (error) {
    const isGone = systemErrorCode(error) === 'ENOENT'
    throw new Refusal(isGone ? 'image_missing' : 'image_unreadable', path, errorMessage(error))
  }
  if (file.sizeBytes === 0) throw new Refusal('image_empty', path, 'the file has no bytes')
  const header = readImageHeader(file.head)
  if (header === null) {
    throw new Refusal(
      'image_unreadable',
      path,
      'the file does not begin as a JPEG, PNG, WebP, BMP, TIFF or GIF image does',
    )
  }
  if (isCutShort(header.format, file.tail, file)) {
    throw new Refusal(
      'image_truncated',
      path,
      `the ${header.format} image ends before its end marker`,
    )
  }
  if (imageExtensions.get(extname(path).toLowerCase()) !== header.format) {
    findings.push({
      level: 'info',
      code: 'format_mismatch',
      path,
      message: `the file is called ${extname(path)} but is a ${header.format} image`,
    })
  }
  return { file, header }
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
    const objects = new ObjectReader(entry.label, boxFrame, context, findings)
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
    mask = await readImage(path, root, findings)
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

function assetOf(
  kind: IngestAsset['kind'],
  { file, header }: CheckedImage,
  metadata: Record<string, unknown>,
): IngestAsset {
  return {
    kind,
    media_type: header.mediaType,
    size_bytes: file.sizeBytes,
    sha256: file.sha256,
    metadata: { ...metadata, width: header.width, height: header.height },
  }
}

function setOf(
  schemas: VocSchemas,
  task: keyof VocSchemas['names'],
  records: IngestRecord[],
): IngestAnnotationSet {
  return {
    name: schemas.names[task],
    purpose: 'ground_truth',
    source_type: 'human',
    status: 'active',
    schema: { name: schemas.names[task], version: schemas.version },
    metadata: { source_dataset: 'pascal_voc' },
    records,
  }
}

function recordOf(
  schemas: VocSchemas,
  parts: {
    readonly kind: IngestRecord['kind']
    readonly label: string
    readonly geometry?: Record<string, unknown>
    readonly attributes: Record<string, unknown>
    readonly maskRole?: string
  },
): IngestRecord {
  return {
    kind: parts.kind,
    label: parts.label,
    label_id: schemas.hasVocIds ? vocClassId(parts.label) : null,
    score: null,
    source: { type: 'human', name: 'pascal-voc', version: null, metadata: {} },
    geometry: parts.geometry ?? {},
    attributes: parts.attributes,
    metadata: {},
    subject_role: 'image',
    mask_role: parts.maskRole ?? null,
  }
}

/** Turns the objects of one label file into records and says what it had to change. */
class ObjectReader {
  readonly #path: string
  readonly #image: ImageSize
  readonly #context: SampleContext
  readonly #findings: Finding[]

  constructor(path: string, image: ImageSize, context: SampleContext, findings: Finding[]) {
    this.#path = path
    this.#image = image
    this.#context = context
    this.#findings = findings
  }

  records(objects: readonly LabelObject[]): IngestRecord[] {
    const records: IngestRecord[] = []
    for (const [index, object] of objects.entries()) {
      if (object.name === '') {
        this.#note('object_unnamed', index, 'left out: the object has no name')
        continue
      }
      const box = this.#box(object.corners, index, object.name)
      if (box === null) continue
      records.push(
        recordOf(this.#context.schemas, {
          kind: 'bbox',
          label: object.name,
          geometry: { type: 'bbox', ...box },
          attributes: this.#attributes(object, index),
        }),
      )
    }
    return records
  }

  #box(corners: Corners | null, index: number, what: string): Box | null {
    if (corners === null) {
      this.#note('box_missing', index, `left out: ${what} has no bndbox`)
      return null
    }
    const { convention } = this.#context
    const box = toBox(corners, convention)
    if (convention === 'voc' && Object.values(corners).some(Number.isNaN)) {
      this.#note('box_invalid', index, `left out: the box of ${what} is no four numbers`, corners)
      return null
    }
    const clipped = clipBox(box, this.#image)
    if (clipped.outcome === 'inside') return box
    if (convention === 'reference') {
      this.#note(
        'box_kept_outside',
        index,
        `the box of ${what} is kept as the reference has it`,
        box,
      )
      return box
    }
    if (clipped.outcome === 'clipped') {
      this.#note(
        'box_clipped',
        index,
        `the box of ${what} sticks out of the image`,
        box,
        clipped.box,
      )
      return clipped.box
    }
    const code = clipped.outcome === 'empty' ? 'box_empty' : 'box_outside'
    const reason = clipped.outcome === 'empty' ? 'has no area' : 'lies outside the image'
    this.#note(code, index, `left out: the box of ${what} ${reason}`, box)
    return null
  }

  #attributes(object: LabelObject, index: number): Record<string, unknown> {
    const attributes: Record<string, unknown> = { ...object.rest }
    for (const name of flagNames) attributes[name] = this.#flag(name, object.flags[name], index)
    attributes.pose = object.pose ?? 'Unspecified'
    const parts = []
    for (const part of object.parts) {
      const box = this.#box(part.corners, index, `part "${part.name}" of ${object.name}`)
      if (box !== null) parts.push({ name: part.name, ...box })
    }
    if (parts.length > 0) attributes.parts = parts
    return attributes
  }

  #flag(name: string, text: string | undefined, index: number): 0 | 1 {
    if (text === undefined || text === '' || text === '0') return 0
    if (text === '1') return 1
    const value = /^(true|yes)$/i.test(text) || Number(text) > 0 ? 1 : 0
    if (!/^(true|false|yes|no)$/i.test(text)) {
      this.#note('flag_invalid', index, `${name} is neither 0 nor 1`, text, value)
    }
    return value
  }

  #note(
    code: FindingCode,
    object: number,
    message: string,
    before?: unknown,
    after?: unknown,
  ): void {
    this.#findings.push({
      level: code === 'box_kept_outside' ? 'info' : 'warning',
      code,
      path: this.#path,
      message,
      object,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })
  }
}
