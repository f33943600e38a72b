import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  type CallOptions,
  MindtraceError,
  mapBounded,
  newToken,
  systemErrorCode,
} from '@mindtrace/core'
import { type DefectLabel, defectLabels } from './defects.ts'
import { Prng } from './prng.ts'
import { openRenderer } from './render-jpeg.ts'
import { readMarker, type SampleMarker, writeMarker } from './sample-marker.ts'
import { drawScene } from './scene.ts'
import { divideIntoSplits } from './splits.ts'
import { vocXml } from './voc-xml.ts'

const formatVersion = 1
/** Rendering is done by sharp's own threads; more at once would only hold more pictures. */
const concurrency = 4

interface SampleProgress {
  /** Images written. */
  readonly done: number
  readonly total: number
}

export interface SampleOptions extends CallOptions {
  /** Default 60. */
  readonly images?: number | undefined
  /** The same seed draws the same pictures and labels. Default 7. */
  readonly seed?: number | undefined
  /** Called after each image. */
  readonly onProgress?: ((progress: SampleProgress) => void) | undefined
}

/** The sample as it lies on disk. */
export interface SampleDataset {
  readonly folder: string
  readonly images: number
  readonly annotations: number
  /** Annotations by label. */
  readonly labels: Readonly<Record<string, number>>
  /** Images by split. */
  readonly splits: SampleMarker['splits']
  /** Whether the folder held the whole sample already. */
  readonly reused: boolean
}

/**
 * Draws the sample dataset "printed parts" in VOC layout: plates under a camera, with boxes around
 * scratches, dents, stains and misprints. The folder appears when all of it is there, never before; a
 * whole sample with the same images and seed is left as it is.
 *
 * @throws {@link MindtraceError} `CONFLICT` when the folder holds anything else.
 */
export async function writeSampleDataset(
  folder: string,
  options: SampleOptions = {},
): Promise<SampleDataset> {
  const { images = 60, seed = 7, signal } = options
  const target = resolve(folder)
  signal?.throwIfAborted()
  const found = await readMarker(target)
  if (found !== undefined && found.images === images && found.seed === seed) {
    options.onProgress?.({ done: images, total: images })
    return describe(target, found, { reused: true })
  }
  await mkdir(dirname(target), { recursive: true })
  const unfinished = join(dirname(target), `.${basename(target)}.unfinished-${newToken()}`)
  try {
    const marker = await drawInto(unfinished, images, seed, options)
    signal?.throwIfAborted()
    const reused = await publish(unfinished, target, marker)
    return describe(target, marker, { reused })
  } finally {
    await rm(unfinished, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function drawInto(
  folder: string,
  images: number,
  seed: number,
  { signal, onProgress }: SampleOptions,
): Promise<SampleMarker> {
  const imageSets = join(folder, 'ImageSets', 'Main')
  for (const path of [join(folder, 'JPEGImages'), join(folder, 'Annotations'), imageSets]) {
    await mkdir(path, { recursive: true })
  }
  const prng = new Prng(seed)
  const render = await openRenderer(prng.fork(images))
  const names = Array.from({ length: images }, (_, index) => nameOf(index))
  let done = 0
  const labelsByImage = await mapBounded(
    names,
    concurrency,
    async (name, index) => {
      const scene = drawScene(prng.fork(index))
      const file = `${name}.jpg`
      await writeFile(join(folder, 'JPEGImages', file), await render(scene.svg))
      await writeFile(join(folder, 'Annotations', `${name}.xml`), vocXml(file, scene.defects))
      onProgress?.({ done: ++done, total: images })
      return scene.defects.map((defect) => defect.label)
    },
    { signal },
  )
  const { train, val, test } = divideIntoSplits(names, prng.fork(images + 1))
  const lists = { train, val, test, trainval: [...train, ...val].sort() }
  for (const [split, members] of Object.entries(lists)) {
    await writeFile(join(imageSets, `${split}.txt`), members.map((name) => `${name}\n`).join(''))
  }
  const marker: SampleMarker = {
    format: formatVersion,
    images,
    seed,
    labels: countLabels(labelsByImage.flat()),
    splits: { train: train.length, val: val.length, test: test.length },
  }
  await writeMarker(folder, marker)
  return marker
}

/** Moves the finished folder to its place; true when another process was there with the same first. */
async function publish(from: string, to: string, marker: SampleMarker): Promise<boolean> {
  try {
    await rename(from, to)
    return false
  } catch (error) {
    const isTaken = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM'].includes(
      systemErrorCode(error) ?? '',
    )
    if (!isTaken) throw error
    const other = await readMarker(to)
    if (other?.images === marker.images && other.seed === marker.seed) return true
    throw new MindtraceError(
      'CONFLICT',
      `${to} exists and is not this sample (${marker.images} images, seed ${marker.seed}): remove it or name another folder`,
      { cause: error, details: { folder: to } },
    )
  }
}

function nameOf(index: number): string {
  return `part_${String(index + 1).padStart(4, '0')}`
}

function countLabels(labels: readonly DefectLabel[]): Record<string, number> {
  return Object.fromEntries(
    defectLabels.map((label) => [label, labels.filter((other) => other === label).length]),
  )
}

function describe(
  folder: string,
  marker: SampleMarker,
  options: { readonly reused: boolean },
): SampleDataset {
  const { images, labels, splits } = marker
  const annotations = Object.values(labels).reduce((sum, count) => sum + count, 0)
  return { folder, images, annotations, labels, splits, reused: options.reused }
}
