import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Split } from '@mindtrace/contract'
import type { Finding } from '../finding.ts'
import type { SourceProblem } from '../sample-source.ts'
import { compareText, type FolderScanner, inFolder } from './folder-scan.ts'
import { type ImageLists, type ListName, readImageLists, splitOf } from './image-lists.ts'
import { ImageNames, keyIn } from './image-names.ts'
import { pairLabels } from './label-pairs.ts'
import { resolveLists } from './listed-images.ts'
import type { VocFolder } from './voc-folder.ts'

/** Which part of a set to import; `trainval` is train, val, and what only `trainval.txt` lists. */
export type VocSplit = 'train' | 'val' | 'test' | 'trainval' | 'all'

/** What a source key may have, in the contract. */
const sourceKeyLimit = 1024

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
      if (folder.rest === null) problems.push({ type: 'problem', skipped: true, finding })
      else findings.push(besideVocFolders(label))
    }
  }

  const masks = await masksOf(folder, scanner, images, problems)
  const entries: VocEntry[] = []
  for (const image of names.images) {
    const label = pairs.labelByImage.get(image) ?? null
    if (folder.rest !== null && label === null) {
      findings.push(besideVocFolders(image))
      continue
    }
    const mainLists = main?.listsByImage.get(image) ?? []
    const maskLists = segmentation?.listsByImage.get(image) ?? []
    const lists = mainLists.length > 0 ? mainLists : maskLists
    const split = main === null && segmentation === null ? folderSplit(image) : splitOf(lists)
    if (!wanted(split, lists)) continue
    if (image.length > sourceKeyLimit) {
      problems.push(tooLong(image))
      continue
    }
    const noted: Finding[] = [...(pairs.findings.get(image) ?? [])]
    if (main !== null || segmentation !== null) noteLists(image, lists, noted)
    const masksAreOurs = masksBelong(image, split, maskLists, masks, noted)
    entries.push({
      image,
      label,
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

async function scanNames(folder: VocFolder, scanner: FolderScanner) {
  const besides = [folder.labels, folder.lists, folder.semanticMasks, folder.instanceMasks]
  const without = new Set([
    ...besides.filter((path) => path !== null),
    ...(folder.rest?.without ?? []),
  ])
  const beside = await scanner.scan(folder.images, without)
  const labels = folder.labels === null ? [] : (await scanner.scan(folder.labels)).labels
  return {
    images: beside.images.sort(compareText),
    labels: [...labels, ...beside.labels].sort(compareText),
  }
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

function tooLong(image: string): SourceProblem {
  return {
    type: 'problem',
    skipped: true,
    finding: {
      level: 'error',
      code: 'path_too_long',
      path: image,
      message: `a path may have up to ${sourceKeyLimit} characters, this one has ${image.length}`,
    },
  }
}

function besideVocFolders(path: string): Finding {
  return {
    level: 'info',
    code: 'not_imported',
    path,
    message: 'it lies beside the VOC folders and is no pair of image and label file',
  }
}
