import type { Finding } from '../finding.ts'
import { type FolderEntry, type FolderScanner, inFolder, isImageName } from './folder-scan.ts'

/** One VOC-shaped folder; all paths are relative to the imported root. */
export interface VocFolder {
  readonly path: string
  /** Where images lie: `JPEGImages`, or the folder itself. */
  readonly images: string
  /** `Annotations`; null: label files lie beside the images. */
  readonly labels: string | null
  readonly lists: string | null
  readonly semanticMasks: string | null
  readonly instanceMasks: string | null
}

/** A root may lie this far above its VOC folders: `downloads/VOCdevkit/VOC2012`. */
const searchDepth = 2

/**
 * The VOC folders at or below the root, in code-unit order. When there is none, the root itself is one,
 * with images and label files anywhere in it.
 */
export async function findVocFolders(
  scanner: FolderScanner,
  findings: Finding[],
): Promise<VocFolder[]> {
  const folders: VocFolder[] = []
  const strayImages: { path: string; images: number }[] = []
  const search = async (path: string, depth: number): Promise<void> => {
    const entries = await scanner.entries(path)
    const folder = vocFolderOf(path, entries)
    if (folder !== null) {
      folders.push(folder)
      return
    }
    const images = entries.filter(({ kind, name }) => kind === 'file' && isImageName(name)).length
    if (images > 0) strayImages.push({ path, images })
    if (depth === searchDepth) return
    for (const { name, kind } of entries) {
      if (kind === 'folder') await search(inFolder(path, name), depth + 1)
    }
  }
  await search('', 0)
  if (folders.length === 0) return [looseFolder()]
  for (const { path, images } of strayImages) {
    findings.push({
      level: 'info',
      code: 'not_imported',
      path: path || '.',
      message: `${images} image(s) beside the VOC folders are not part of them`,
    })
  }
  return folders
}

function vocFolderOf(path: string, entries: readonly FolderEntry[]): VocFolder | null {
  const child = (...names: string[]) => {
    for (const wanted of names) {
      const entry = entries.find(
        ({ name, kind }) => kind === 'folder' && name.toLowerCase() === wanted,
      )
      if (entry !== undefined) return inFolder(path, entry.name)
    }
    return null
  }
  const images = child('jpegimages')
  const labels = child('annotations')
  const lists = child('imagesets')
  if (images === null && labels === null && lists === null) return null
  return {
    path,
    images: images ?? child('images') ?? path,
    labels,
    lists,
    semanticMasks: child('segmentationclass'),
    instanceMasks: child('segmentationobject'),
  }
}

function looseFolder(): VocFolder {
  return {
    path: '',
    images: '',
    labels: null,
    lists: null,
    semanticMasks: null,
    instanceMasks: null,
  }
}
