import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Split } from '@mindtrace/contract'
import { errorMessage } from '@mindtrace/core'
import type { Finding } from '../finding.ts'
import { readSmallFile } from '../images/payload-file.ts'
import type { SourceProblem } from '../sample-source.ts'
import { compareText, type FolderScanner, inFolder } from './folder-scan.ts'
import {
  type ImageLists,
  isUnsafePath,
  type ListName,
  listNames,
  readImageLists,
  splitOf,
} from './image-lists.ts'
import { type LabelFile, parseLabelFile } from './label-file.ts'
import type { VocFolder } from './voc-folder.ts'

/** Which part of a set to import; `trainval` is train, val, and what only `trainval.txt` lists. */
export type VocSplit = 'train' | 'val' | 'test' | 'trainval' | 'all'

/** Label files larger than this are refused: a real one has kilobytes. */
export const labelLimitBytes = 16 * 1024 * 1024

/** One image to import, by names only; paths are relative to the root. */
export interface VocEntry {
  readonly image: string
  readonly label: string | null
  /** Other images of the same stem in the same folder, which the label file may mean. */
  readonly rivals: readonly string[]
  readonly split: Split | null
  readonly classes: readonly string[]
  readonly semanticMask: string | null
  readonly instanceMask: string | null
  /** What the names alone tell. */
  readonly findings: readonly Finding[]
}

/** What a VOC folder holds, decided by names before any image is opened. */
export interface VocPlan {
  /** In code-unit order of the image's path. */
  readonly entries: readonly VocEntry[]
  /** What the lists and label files name, but is not there. */
  readonly problems: readonly SourceProblem[]
  /** All label files of the folder, whatever part of it was chosen. */
  readonly labels: readonly string[]
  /** Every class that has an image list. */
  readonly classes: readonly string[]
}

/** Pairs the images of a folder with label files, masks, lists and splits. */
export async function planVocFolder(
  root: string,
  folder: VocFolder,
  scanner: FolderScanner,
  splits: readonly VocSplit[],
  findings: Finding[],
): Promise<VocPlan> {
  const names = await scanNames(folder, scanner)
  const images = new ImageNames(folder.images, names.images)
  const main = resolveLists(await listsOf(root, folder, 'main', findings), images)
  const segmentation = resolveLists(await listsOf(root, folder, 'segmentation', findings), images)
  const wanted = (split: Split | null, lists: readonly ListName[]) =>
    splits.some(
      (choice) =>
        choice === 'all' ||
        choice === split ||
        (choice === 'trainval' &&
          (split === 'train' || split === 'val' || (split === null && lists.includes('trainval')))),
    )

  const pairs = await pairLabels(root, folder, names, images)
  const missing = new Map([...(segmentation?.missing ?? []), ...(main?.missing ?? [])])
  const problems: SourceProblem[] = []
  for (const [id, lists] of missing) {
    if (!wanted(splitOf(lists), lists)) continue
    problems.push({
      type: 'problem',
      skipped: true,
      finding: {
        level: 'error',
        code: 'image_missing',
        path: inFolder(folder.images, id),
        message: `"${id}" is listed in ${lists.join(', ')} but has no image under ${folder.images || '.'}`,
      },
    })
  }
  if (splits.includes('all')) {
    for (const { label, finding } of pairs.orphans) {
      if (
        finding.code === 'image_missing' &&
        missing.has(keyIn(folder.labels ?? folder.path, label))
      )
        continue
      problems.push({ type: 'problem', skipped: true, finding })
    }
  }

  const masks = await masksOf(folder, scanner, images, problems)
  const entries: VocEntry[] = []
  for (const image of names.images) {
    const mainLists = main?.listsByImage.get(image) ?? []
    const maskLists = segmentation?.listsByImage.get(image) ?? []
    const lists = mainLists.length > 0 ? mainLists : maskLists
    const split = main === null && segmentation === null ? folderSplit(image) : splitOf(lists)
    if (!wanted(split, lists)) continue
    const noted: Finding[] = [...(pairs.findings.get(image) ?? [])]
    if (main !== null || segmentation !== null) noteLists(image, lists, noted)
    const masksAreOurs = masksBelong(image, split, maskLists, masks, noted)
    entries.push({
      image,
      label: pairs.labelByImage.get(image) ?? null,
      rivals: images.rivals(image),
      split,
      classes: main?.classesByImage.get(image) ?? [],
      semanticMask: masksAreOurs ? (masks.semantic.get(image) ?? null) : null,
      instanceMask: masksAreOurs ? (masks.instance.get(image) ?? null) : null,
      findings: noted,
    })
  }
  return { entries, problems, labels: names.labels, classes: main?.classes ?? [] }
}

/** The images of a folder, by the names that lists and label files call them. */
class ImageNames {
  readonly #base: string
  readonly #byKey = new Map<string, string[]>()
  readonly #byStem = new Map<string, string | null>()

  constructor(base: string, images: readonly string[]) {
    this.#base = base
    for (const image of images) {
      const key = keyIn(base, image)
      const its = this.#byKey.get(key)
      if (its === undefined) this.#byKey.set(key, [image])
      else its.push(image)
    }
    for (const key of this.#byKey.keys()) {
      const stem = basename(key)
      // Two folders with one base name: that name alone means neither.
      this.#byStem.set(stem, this.#byStem.has(stem) ? null : key)
    }
  }

  key(image: string): string {
    return keyIn(this.#base, image)
  }

  /** The base name without its extension, where no image in another folder has the same. */
  uniqueStem(image: string): string | null {
    const stem = basename(this.key(image))
    return this.#byStem.get(stem) === this.key(image) ? stem : null
  }

  /** The images that an id means: by its path below the image folder, else by its unique base name. */
  find(id: string): readonly string[] {
    const byPath = this.#byKey.get(id)
    if (byPath !== undefined) return byPath
    const key = this.#byStem.get(basename(id))
    return key === undefined || key === null ? [] : (this.#byKey.get(key) ?? [])
  }

  rivals(image: string): readonly string[] {
    const its = this.#byKey.get(this.key(image)) ?? []
    return its.length > 1 ? its : []
  }
}

interface Names {
  readonly images: readonly string[]
  readonly labels: readonly string[]
}

async function scanNames(folder: VocFolder, scanner: FolderScanner): Promise<Names> {
  const besides = [folder.labels, folder.lists, folder.semanticMasks, folder.instanceMasks]
  const without = new Set(besides.filter((path) => path !== null))
  const beside = await scanner.scan(folder.images, without)
  const labels = folder.labels === null ? [] : (await scanner.scan(folder.labels)).labels
  return {
    images: beside.images.sort(compareText),
    labels: [...labels, ...beside.labels].sort(compareText),
  }
}

interface LabelPairs {
  readonly labelByImage: ReadonlyMap<string, string>
  readonly findings: ReadonlyMap<string, readonly Finding[]>
  /** Label files that belong to no image. */
  readonly orphans: readonly { readonly label: string; readonly finding: Finding }[]
}

const labelFolderNames = [
  'annotations',
  'Annotations',
  'labels',
  'Labels',
  'xml',
  'xmls',
  'annotations/xmls',
]

async function pairLabels(
  root: string,
  folder: VocFolder,
  names: Names,
  images: ImageNames,
): Promise<LabelPairs> {
  const labelByStemPath = new Map(names.labels.map((label) => [keyIn('', label), label]))
  const labelByImage = new Map<string, string>()
  const used = new Set<string>()
  for (const image of names.images) {
    const label = labelCandidates(folder, images, image)
      .map((candidate) => labelByStemPath.get(candidate))
      .find((found) => found !== undefined)
    if (label === undefined) continue
    labelByImage.set(image, label)
    used.add(label)
  }
  const findings = new Map<string, Finding[]>()
  const orphans: { label: string; finding: Finding }[] = []
  for (const label of names.labels) {
    if (used.has(label)) continue
    const outcome = await imageNamedBy(root, label, images)
    if ('finding' in outcome) {
      orphans.push({ label, finding: outcome.finding })
    } else if (labelByImage.has(outcome.image)) {
      orphans.push({
        label,
        finding: {
          level: 'error',
          code: 'image_missing',
          path: label,
          message: `no image of this name; the one it names, ${outcome.image}, has a label file of its own`,
        },
      })
    } else {
      labelByImage.set(outcome.image, label)
      findings.set(outcome.image, [
        {
          level: 'info',
          code: 'filename_mismatch',
          path: label,
          message: `the label file is called otherwise than its image ${outcome.image}, which it names`,
        },
      ])
    }
  }
  return { labelByImage, findings, orphans }
}

/** Where the label file of an image may lie, best first, without the extension. */
function labelCandidates(folder: VocFolder, images: ImageNames, image: string): string[] {
  const beside = keyIn('', image)
  const candidates: string[] = []
  if (folder.labels !== null) {
    candidates.push(`${folder.labels.normalize('NFC')}/${images.key(image)}`)
    const stem = images.uniqueStem(image)
    if (stem !== null) candidates.push(`${folder.labels.normalize('NFC')}/${stem}`)
  }
  candidates.push(beside)
  const parent = parentOf(parentOf(beside))
  if (beside.includes('/')) {
    for (const name of labelFolderNames) {
      candidates.push(inFolder(parent, `${name}/${basename(beside)}`))
    }
  }
  return candidates
}

/** The image that a label file without one of its own name means by its `filename`. */
async function imageNamedBy(
  root: string,
  label: string,
  images: ImageNames,
): Promise<{ readonly image: string } | { readonly finding: Finding }> {
  const refuse = (code: Finding['code'], message: string) => ({
    finding: { level: 'error', code, path: label, message } as const,
  })
  let content: LabelFile
  try {
    const bytes = await readSmallFile(join(root, label), labelLimitBytes)
    if (bytes === null) {
      return refuse('label_too_large', `label files may have up to ${labelLimitBytes} bytes`)
    }
    content = parseLabelFile(bytes)
  } catch (error) {
    return refuse('broken_xml', errorMessage(error))
  }
  const { filename } = content
  if (filename === null) return refuse('image_missing', 'no image of this name')
  if (isUnsafePath(filename)) {
    return refuse(
      'path_outside',
      `the label file names "${filename}", which leads out of the folder, and has no image beside it`,
    )
  }
  const name = filename.normalize('NFC').replaceAll('\\', '/')
  const found = images
    .find(extname(name) === '' ? name : keyIn('', name))
    .filter((image) => extname(name) === '' || basename(image).normalize('NFC') === basename(name))
  const image = found[0]
  if (image !== undefined) return { image }
  return refuse('image_missing', `no image of this name, and none called "${filename}"`)
}

/** Lists with their ids resolved to images. */
interface ListedImages {
  readonly listsByImage: ReadonlyMap<string, readonly ListName[]>
  readonly classesByImage: ReadonlyMap<string, readonly string[]>
  readonly missing: ReadonlyMap<string, readonly ListName[]>
  readonly classes: readonly string[]
}

function resolveLists(lists: ImageLists | null, images: ImageNames): ListedImages | null {
  if (lists === null) return null
  const listsByImage = new Map<string, readonly ListName[]>()
  const classesByImage = new Map<string, readonly string[]>()
  const missing = new Map<string, readonly ListName[]>()
  for (const [id, names] of lists.listsById) {
    const found = images.find(id)
    if (found.length === 0) missing.set(id, names)
    for (const image of found) {
      const before = listsByImage.get(image) ?? []
      listsByImage.set(
        image,
        before.length === 0
          ? names
          : listNames.filter((name) => before.includes(name) || names.includes(name)),
      )
    }
  }
  for (const [id, classes] of lists.classesById) {
    for (const image of images.find(id)) classesByImage.set(image, classes)
  }
  return { listsByImage, classesByImage, missing, classes: lists.classes }
}

interface Masks {
  readonly semantic: ReadonlyMap<string, string>
  readonly instance: ReadonlyMap<string, string>
}

async function masksOf(
  folder: VocFolder,
  scanner: FolderScanner,
  images: ImageNames,
  problems: SourceProblem[],
): Promise<Masks> {
  const masksIn = async (path: string | null) => {
    const maskByImage = new Map<string, string>()
    if (path === null) return maskByImage
    const scan = await scanner.scan(path)
    for (const mask of scan.images.filter((name) => extname(name).toLowerCase() === '.png')) {
      const found = images.find(keyIn(path, mask))
      for (const image of found) maskByImage.set(image, mask)
      if (found.length > 0) continue
      problems.push({
        type: 'problem',
        skipped: false,
        finding: {
          level: 'warning',
          code: 'mask_missing_image',
          path: mask,
          message: 'the mask belongs to no image and was left out',
        },
      })
    }
    return maskByImage
  }
  return {
    semantic: await masksIn(folder.semanticMasks),
    instance: await masksIn(folder.instanceMasks),
  }
}

/** A mask is part of the segmentation split that lists its image, where there are such lists. */
function masksBelong(
  image: string,
  split: Split | null,
  maskLists: readonly ListName[],
  masks: Masks,
  findings: Finding[],
): boolean {
  const maskSplit = splitOf(maskLists)
  if (maskSplit === null || split === null || maskSplit === split) return true
  const mask = masks.semantic.get(image) ?? masks.instance.get(image)
  if (mask === undefined) return true
  findings.push({
    level: 'info',
    code: 'mask_other_split',
    path: mask,
    message: `left out: the mask is for ${maskSplit}, its image for ${split}`,
  })
  return false
}

function noteLists(image: string, lists: readonly ListName[], findings: Finding[]): void {
  if (lists.length === 0) {
    findings.push({
      level: 'info',
      code: 'unlisted',
      path: image,
      message: 'no list names this image: it gets no split',
    })
  }
  const splits = lists.filter((name) => name !== 'trainval')
  if (splits.length > 1) {
    findings.push({
      level: 'warning',
      code: 'duplicate_listing',
      path: image,
      message: `listed in ${splits.join(' and ')}: ${splits[0]} is taken`,
      before: splits,
      after: splits[0],
    })
  }
}

const splitByFolderName: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
  testing: 'test',
}

/** The split that the innermost folder of such a name gives. */
function folderSplit(image: string): Split | null {
  const folders = image.split('/').slice(0, -1).reverse()
  const name = folders.find((folder) => Object.hasOwn(splitByFolderName, folder.toLowerCase()))
  return name === undefined ? null : (splitByFolderName[name.toLowerCase()] as Split)
}

async function listsOf(
  root: string,
  folder: VocFolder,
  kind: 'main' | 'segmentation',
  findings: Finding[],
): Promise<ImageLists | null> {
  if (folder.lists === null) return null
  const names = await readdir(join(root, folder.lists))
  const name = names.find((candidate) => candidate.toLowerCase() === kind)
  if (name === undefined) return null
  const path = inFolder(folder.lists, name)
  return await readImageLists(join(root, path), path, findings)
}

/** A path below `base` without its extension, NFC: what lists, label files and masks call an image. */
function keyIn(base: string, path: string): string {
  const relative =
    base === '' ? path : path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path
  const extension = extname(relative)
  return (extension === '' ? relative : relative.slice(0, -extension.length)).normalize('NFC')
}

function parentOf(path: string): string {
  const parent = dirname(path)
  return parent === '.' ? '' : parent
}
