import { type FolderEntry, type FolderScanner, inFolder } from './folder-scan.ts'

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
  /** What lies beside the VOC folders below a root: only images with a label file are part of it. */
  readonly rest: { readonly without: readonly string[] } | null
}

/** A root may lie this far above its VOC folders: `downloads/VOCdevkit/VOC2012`. */
const searchDepth = 2

/**
 * The VOC folders at or below the root, in code-unit order, and one more for what lies beside them.
 * When there is none, the root itself is one, with images and label files anywhere in it.
 */
export async function findVocFolders(scanner: FolderScanner): Promise<VocFolder[]> {
  const folders: VocFolder[] = []
  const search = async (path: string, depth: number): Promise<void> => {
    const entries = await scanner.entries(path)
    const folder = vocFolderOf(path, entries)
    if (folder !== null) {
      folders.push(folder)
      return
    }
    if (depth === searchDepth) return
    for (const { name, kind } of entries) {
      if (kind === 'folder') await search(inFolder(path, name), depth + 1)
    }
  }
  await search('', 0)
  if (folders.length === 0) return [looseFolder(null)]
  if (folders[0]?.path === '') return folders
  return [...folders, looseFolder({ without: folders.map(({ path }) => path) })]
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
    rest: null,
  }
}

function looseFolder(rest: VocFolder['rest']): VocFolder {
  return {
    path: '',
    images: '',
    labels: null,
    lists: null,
    semanticMasks: null,
    instanceMasks: null,
    rest,
  }
}
