import { basename, extname } from 'node:path'
import type { Finding } from '../finding.ts'
import { isUnsafePath } from './image-lists.ts'
import type { LabelFile } from './label-file.ts'
import { loadLabelFile } from './label-loading.ts'
import type { VocEntry } from './voc-plan.ts'

/**
 * Reads the label file of an image and checks that it means this image. Null: the image has none.
 *
 * @throws {@link Refusal} when there is one that can't be read: taking the image without its labels
 * would be silently wrong.
 */
export async function readSampleLabel(
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
  const label = await loadLabelFile(root, path)
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
