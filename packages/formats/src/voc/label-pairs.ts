import { basename, dirname, extname } from 'node:path'
import type { Finding } from '../finding.ts'
import { Refusal } from '../refusal.ts'
import { inFolder } from './folder-scan.ts'
import { isUnsafePath } from './image-lists.ts'
import { type ImageNames, keyIn } from './image-names.ts'
import { loadLabelFile } from './label-loading.ts'
import type { VocFolder } from './voc-folder.ts'

/** Which label file belongs to which image. */
export interface LabelPairs {
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

/**
 * Pairs images with label files: by name first, then by what a label file without an image of its own
 * name says in `filename`. Names from label files are only looked up among the images, never opened.
 */
export async function pairLabels(
  root: string,
  folder: VocFolder,
  names: { readonly images: readonly string[]; readonly labels: readonly string[] },
  images: ImageNames,
): Promise<LabelPairs> {
  const labelByStemPath = new Map(names.labels.map((label) => [keyIn('', label), label]))
  const labelByImage = new Map<string, string>()
  const used = new Set<string>()
  for (const image of names.images) {
    const label = firstOf(labelByStemPath, labelCandidates(folder, images, image))
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
function* labelCandidates(folder: VocFolder, images: ImageNames, image: string): Generator<string> {
  const beside = keyIn('', image)
  if (folder.labels !== null) {
    const labels = folder.labels.normalize('NFC')
    yield `${labels}/${images.key(image)}`
    const stem = images.uniqueStem(image)
    if (stem !== null) yield `${labels}/${stem}`
  }
  yield beside
  if (!beside.includes('/')) return
  const parent = parentOf(parentOf(beside))
  for (const name of labelFolderNames) yield inFolder(parent, `${name}/${basename(beside)}`)
}

function firstOf(
  labels: ReadonlyMap<string, string>,
  candidates: Iterable<string>,
): string | undefined {
  for (const candidate of candidates) {
    const label = labels.get(candidate)
    if (label !== undefined) return label
  }
  return undefined
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
  let filename: string | null
  try {
    filename = (await loadLabelFile(root, label)).filename
  } catch (error) {
    if (error instanceof Refusal) return { finding: error.finding }
    throw error
  }
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

function parentOf(path: string): string {
  const parent = dirname(path)
  return parent === '.' ? '' : parent
}
