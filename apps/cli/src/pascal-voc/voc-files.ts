import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MindtraceError, systemErrorCode } from '@mindtrace/core'
import { vocClasses } from '@mindtrace/formats/voc'

/** The splits that the command takes. */
export const pascalVocSplits = ['train', 'val', 'trainval'] as const
export type PascalVocSplit = (typeof pascalVocSplits)[number]

/** Where the archive lies that the challenge has published. */
export const sourceUrl =
  'http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar'

const needed = ['JPEGImages', 'Annotations', 'ImageSets/Main'] as const

/** `VOC2012` in the root or in its `VOCdevkit`; undefined when there is neither. */
export async function findVocFolder(root: string): Promise<string | undefined> {
  for (const folder of [join(root, 'VOC2012'), join(root, 'VOCdevkit', 'VOC2012')]) {
    if (await isFolder(folder)) return folder
  }
  return undefined
}

/** @throws {@link MindtraceError} `NOT_FOUND` that names the folders that are missing. */
export async function checkLayout(folder: string): Promise<void> {
  const missing: string[] = []
  for (const name of needed) if (!(await isFolder(join(folder, name)))) missing.push(name)
  if (missing.length === 0) return
  throw new MindtraceError('NOT_FOUND', `'${folder}' lacks ${missing.join(', ')}`)
}

/**
 * The images of a split, in the order of its list.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` without a list; `INVALID_INPUT` for an empty one, or a name that is a path.
 */
export async function imageIds(folder: string, split: string): Promise<string[]> {
  const path = join(folder, 'ImageSets', 'Main', `${split}.txt`)
  const ids = lines(await readNeeded(path))
  if (ids.length === 0) throw new MindtraceError('INVALID_INPUT', `'${path}' names no images`)
  const odd = ids.find((id) => /[/\\\0]/.test(id) || id === '.' || id === '..')
  if (odd !== undefined) {
    throw new MindtraceError('INVALID_INPUT', `'${path}' names '${odd}', which is a path`)
  }
  return ids
}

/** The classes that the lists of a split say are in each image, sorted by name. */
export async function imageClasses(
  folder: string,
  split: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const classes = new Map<string, string[]>()
  for (const name of vocClasses.toSorted()) {
    const path = join(folder, 'ImageSets', 'Main', `${name}_${split}.txt`)
    const text = (await readIfThere(path))?.toString('utf8') ?? ''
    for (const line of lines(text)) {
      const [id, flag, ...more] = line.split(/\s+/)
      if (id === undefined || more.length > 0 || !/^[+-]?\d+$/.test(flag ?? '')) continue
      if (Number(flag) > 0) classes.set(id, [...(classes.get(id) ?? []), name])
    }
  }
  return classes
}

/** @throws {@link MindtraceError} `NOT_FOUND`. */
async function readNeeded(path: string): Promise<string> {
  const bytes = await readIfThere(path)
  if (bytes === undefined) throw new MindtraceError('NOT_FOUND', `there is no file '${path}'`)
  return bytes.toString('utf8')
}

/** The bytes of a file, undefined when it is not there. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function lines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true
}
