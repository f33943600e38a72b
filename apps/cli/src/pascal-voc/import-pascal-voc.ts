import { join } from 'node:path'
import type { Asset, Lake } from '@mindtrace/contract'
import { isMindtraceError, MindtraceError, mapBounded } from '@mindtrace/core'
import { type LabelObject, parseLabelFile, toBox, vocClasses } from '@mindtrace/formats/voc'
import { classMasks } from './class-masks.ts'
import { checkLayout, imageClasses, imageIds, readIfThere } from './voc-files.ts'

/** What to import, and how it is to be called. */
export interface PascalVocImport {
  /** The folder `VOC2012`. */
  readonly folder: string
  readonly split: 'train' | 'val'
  readonly datasetName: string
  readonly datasetVersion: string
  readonly mount: string | null
  readonly createdBy: string | null
  /** Names of payloads begin with it; a slash in it becomes `__`. */
  readonly prefix: string
  readonly signal: AbortSignal
  readonly onProgress: (images: number, of: number) => void
}

/** What was made. */
export interface PascalVocSummary {
  readonly dataset_name: string
  readonly dataset_version: string
  readonly split: string
  readonly datum_count: number
  readonly image_asset_count: number
  readonly mask_asset_count: number
  readonly classification_record_count: number
  readonly detection_record_count: number
  readonly segmentation_record_count: number
  readonly dataset_version_id: string
}

const source = { source_dataset: 'pascal_voc', year: '2012' } as const
const schemaVersion = '2012.1.0'
const importer = 'mindtrace.datalake.importers.pascal_voc'
const imagesAtOnce = 4

const layers = {
  classification: { kind: 'classification', attributes: ['layer'] },
  detection: { kind: 'bbox', attributes: ['difficult', 'truncated', 'pose', 'occluded'] },
  segmentation: { kind: 'mask', attributes: ['layer', 'source_mask'] },
} as const
type Layer = keyof typeof layers

/** One annotation, without what all of them have. */
interface Annotation {
  readonly label: string
  readonly geometry: Readonly<Record<string, unknown>>
  readonly attributes: Readonly<Record<string, unknown>>
}

/**
 * Imports Pascal VOC 2012 with the records of the Python package's importer: 1-based corners as they are, fractions cut off;
 * a grey mask for each class, which no datum lists; sets only where there are records.
 *
 * @throws {@link MindtraceError} `DUPLICATE` when the dataset version exists, `NOT_FOUND` for missing files, `INVALID_INPUT` for
 * files that can't be read.
 */
export async function importPascalVoc(
  lake: Lake,
  request: PascalVocImport,
): Promise<PascalVocSummary> {
  const { folder, split, datasetName, datasetVersion, signal } = request
  await checkLayout(folder)
  await refuseExisting(lake, request)
  const ids = await imageIds(folder, split)
  const classes = await imageClasses(folder, split)
  const schemas = {} as Record<Layer, string>
  for (const layer of Object.keys(layers) as Layer[]) {
    schemas[layer] = await ensureSchema(lake, layer)
  }
  const { mounts, default_mount } = await lake.mounts()
  const mount = mounts.find(({ name }) => name === (request.mount ?? default_mount))
  const importing = new ImageImport(lake, request, {
    schemas,
    onConflict: mount?.mutable === true ? 'overwrite' : null,
  })
  let done = 0
  const manifest = await mapBounded(
    ids,
    imagesAtOnce,
    async (id) => {
      const datum = await importing.add(id, classes.get(id) ?? [])
      done += 1
      request.onProgress(done, ids.length)
      return datum
    },
    { signal },
  )
  const { dataset_version } = await lake.datasetVersions.create({
    dataset_name: datasetName,
    version: datasetVersion,
    manifest,
    metadata: { ...source, split, importer },
    created_by: request.createdBy,
  })
  return {
    dataset_name: datasetName,
    dataset_version: datasetVersion,
    split,
    datum_count: manifest.length,
    image_asset_count: manifest.length,
    mask_asset_count: importing.counts.masks,
    classification_record_count: importing.counts.classification,
    detection_record_count: importing.counts.detection,
    segmentation_record_count: importing.counts.segmentation,
    dataset_version_id: dataset_version.dataset_version_id,
  }
}

async function refuseExisting(
  lake: Lake,
  { datasetName, datasetVersion }: PascalVocImport,
): Promise<void> {
  try {
    await lake.datasetVersions.get({ dataset_name: datasetName, version: datasetVersion })
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return
    throw error
  }
  throw new MindtraceError(
    'DUPLICATE',
    `Dataset version already exists: ${datasetName}@${datasetVersion}`,
  )
}

/** The id of a schema, made where it is missing; one that is there is widened to what the importer needs. */
async function ensureSchema(lake: Lake, layer: Layer): Promise<string> {
  const { kind, attributes } = layers[layer]
  const named = { name: `pascal-voc-${layer}`, version: schemaVersion }
  try {
    const { annotation_schema } = await lake.annotationSchemas.create({
      ...named,
      task_type: layer,
      allowed_annotation_kinds: [kind],
      labels: vocClasses.map((name, index) => ({ name, id: index + 1 })),
      allow_scores: false,
      required_attributes: [],
      optional_attributes: [...attributes],
      allow_additional_attributes: false,
      metadata: source,
    })
    return annotation_schema.annotation_schema_id
  } catch (error) {
    if (!isMindtraceError(error, 'DUPLICATE')) throw error
  }
  const { annotation_schema: found } = await lake.annotationSchemas.getByNameVersion(named)
  const kinds = union(found.allowed_annotation_kinds, [kind])
  const optional = union(found.optional_attributes, attributes)
  const isWide =
    found.task_type === layer &&
    kinds.length === found.allowed_annotation_kinds.length &&
    optional.length === found.optional_attributes.length
  const { annotation_schema_id } = found
  if (!isWide) {
    const changes = {
      task_type: layer,
      allowed_annotation_kinds: kinds,
      optional_attributes: optional,
    }
    await lake.annotationSchemas.update({ annotation_schema_id, changes })
  }
  return annotation_schema_id
}

function union(some: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...some, ...more])]
}

/** Adds images with all that belongs to them, and counts. */
class ImageImport {
  readonly counts = { masks: 0, classification: 0, detection: 0, segmentation: 0 }
  readonly #lake: Lake
  readonly #request: PascalVocImport
  readonly #schemas: Readonly<Record<Layer, string>>
  readonly #onConflict: 'overwrite' | null

  constructor(
    lake: Lake,
    request: PascalVocImport,
    options: {
      readonly schemas: Readonly<Record<Layer, string>>
      readonly onConflict: 'overwrite' | null
    },
  ) {
    this.#lake = lake
    this.#request = request
    this.#schemas = options.schemas
    this.#onConflict = options.onConflict
  }

  /** The id of the datum. */
  async add(id: string, classes: readonly string[]): Promise<string> {
    const { folder, split } = this.#request
    const imagePath = join(folder, 'JPEGImages', `${id}.jpg`)
    // Both before the first write.
    const image = await needed(imagePath)
    const labelPath = join(folder, 'Annotations', `${id}.xml`)
    const objects = objectsOf(await needed(labelPath), labelPath)
    const maskPath = join(folder, 'SegmentationClass', `${id}.png`)
    const mask = await readIfThere(maskPath)
    const masks = mask === undefined ? [] : classMasks(mask, maskPath)

    const metadata = { ...source, split, source_path: imagePath, source_image_id: id }
    const asset = await this.#asset(`${split}/images/${id}.jpg`, image, {
      kind: 'image',
      media_type: 'image/jpeg',
      size_bytes: image.byteLength,
      metadata,
    })
    const { datum } = await this.#lake.datums.create({
      asset_refs: { image: asset.asset_id },
      split,
      metadata: { ...source, source_image_id: id },
    })
    const { datum_id } = datum
    await this.#annotate(
      datum_id,
      'classification',
      classes.map((label) => ({
        label,
        geometry: {},
        attributes: { layer: 'classification' },
      })),
    )
    await this.#annotate(datum_id, 'detection', objects.flatMap(detection))
    const segments: Annotation[] = []
    for (const { className, png } of masks) {
      const { asset_id } = await this.#asset(`${split}/masks/${id}__${className}.png`, png, {
        kind: 'mask',
        media_type: 'image/png',
        size_bytes: null,
        metadata: {
          ...source,
          split,
          source_image_id: id,
          source_mask_type: 'SegmentationClass',
          source_class_name: className,
        },
      })
      this.counts.masks += 1
      segments.push({
        label: className,
        geometry: { type: 'mask', mask_asset_id: asset_id },
        attributes: { layer: 'segmentation', source_mask: 'SegmentationClass' },
      })
    }
    await this.#annotate(datum_id, 'segmentation', segments)
    return datum_id
  }

  async #asset(
    path: string,
    bytes: Uint8Array,
    about: Pick<Asset, 'media_type' | 'size_bytes' | 'metadata'> & { readonly kind: string },
  ): Promise<Asset> {
    const { mount, createdBy, prefix, signal } = this.#request
    const { metadata, ...rest } = about
    const { asset } = await this.#lake.assets.createFromObject(
      {
        ...rest,
        name: `${prefix}/${path}`.replaceAll('/', '__'),
        data_base64: Buffer.from(bytes).toString('base64'),
        mount,
        object_metadata: metadata,
        asset_metadata: metadata,
        created_by: createdBy,
        on_conflict: this.#onConflict,
      },
      { signal },
    )
    return asset
  }

  /** A set of a datum, where there is anything to put into it. */
  async #annotate(
    datum_id: string,
    layer: Layer,
    annotations: readonly Annotation[],
  ): Promise<void> {
    if (annotations.length === 0) return
    const { annotation_set } = await this.#lake.annotationSets.create({
      name: `pascal-voc-${layer}`,
      purpose: 'ground_truth',
      source_type: 'human',
      status: 'active',
      datum_id,
      annotation_schema_id: this.#schemas[layer],
      metadata: source,
      created_by: this.#request.createdBy,
    })
    await this.#lake.annotationRecords.add({
      annotation_set_id: annotation_set.annotation_set_id,
      annotations: annotations.map((annotation) => ({
        ...annotation,
        kind: layers[layer].kind,
        label_id: (vocClasses as readonly string[]).indexOf(annotation.label) + 1,
        source: { type: 'human', name: 'pascal-voc', version: '2012', metadata: {} },
      })),
    })
    this.counts[layer] += annotations.length
  }
}

/** An object as the reference keeps it; none of another class or without a box. */
function detection({ name, corners, flags, pose }: LabelObject): Annotation[] {
  if (corners === null || !(vocClasses as readonly string[]).includes(name)) return []
  const flag = (text: string | undefined) => Number.parseInt(text ?? '', 10) || 0
  return [
    {
      label: name,
      geometry: { type: 'bbox', ...toBox(corners, 'reference') },
      attributes: {
        difficult: flag(flags.difficult),
        truncated: flag(flags.truncated),
        pose: pose ?? 'Unspecified',
        occluded: flag(flags.occluded),
      },
    },
  ]
}

async function needed(path: string): Promise<Buffer> {
  const bytes = await readIfThere(path)
  if (bytes === undefined) throw new MindtraceError('NOT_FOUND', `there is no file '${path}'`)
  return bytes
}

function objectsOf(bytes: Uint8Array, path: string): readonly LabelObject[] {
  try {
    return parseLabelFile(bytes).objects
  } catch (cause) {
    if (!isMindtraceError(cause)) throw cause
    throw new MindtraceError(cause.code, `'${path}': ${cause.message}`, { cause })
  }
}
