import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A JPEG of 8×8 grey pixels: whole, so that importers take it; a comment tells copies apart. */
export function tinyJpeg(comment: string): Buffer {
  const text = Buffer.from(comment)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(text.length + 2)
  return Buffer.concat([
    jpeg.subarray(0, 2),
    Buffer.from([0xff, 0xfe]),
    length,
    text,
    jpeg.subarray(2),
  ])
}

// Baseline JPEG, 8×8, one component, made with libvips and kept here so that no encoder is needed.
const jpeg = Buffer.from(
  '/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AR//Z',
  'base64',
)

/** Writes a VOC folder of `images` samples, one box each; every fifth is in val. */
export async function writeVocFolder(folder: string, images: number): Promise<string[]> {
  const names = Array.from(
    { length: images },
    (_, index) => `part_${String(index).padStart(5, '0')}`,
  )
  await mkdir(join(folder, 'JPEGImages'), { recursive: true })
  await mkdir(join(folder, 'Annotations'), { recursive: true })
  await mkdir(join(folder, 'ImageSets/Main'), { recursive: true })
  for (const name of names) {
    await put(folder, `JPEGImages/${name}.jpg`, tinyJpeg(name))
    await put(
      folder,
      `Annotations/${name}.xml`,
      vocXml(name, [{ label: 'dent', box: [1, 1, 4, 4] }]),
    )
  }
  const val = names.filter((_, index) => index % 5 === 4)
  const train = names.filter((_, index) => index % 5 !== 4)
  await put(folder, 'ImageSets/Main/train.txt', `${train.join('\n')}\n`)
  await put(folder, 'ImageSets/Main/val.txt', `${val.join('\n')}\n`)
  return names
}

/** A label file; boxes are xmin, ymin, xmax, ymax, 1-based and inclusive. */
export function vocXml(
  name: string,
  objects: readonly { readonly label: string; readonly box: readonly number[] }[],
): string {
  const parts = objects.map(
    ({ label, box: [xmin, ymin, xmax, ymax] }) =>
      `<object><name>${label}</name><bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`,
  )
  return `<annotation><filename>${name}.jpg</filename><size><width>8</width><height>8</height><depth>1</depth></size>${parts.join('')}</annotation>`
}

/** Writes a file with its folders. */
export async function put(folder: string, path: string, content: string | Buffer): Promise<void> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}
