import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

/** What {@link writeVocData} makes. */
export interface VocData {
  readonly folder: string
  readonly images: number
  readonly boxes: number
}

const boxesPerImage = 3

/**
 * Writes a VOC folder of distinct, valid JPEGs of about `imageBytes` each: one noise picture, told apart
 * by a comment segment, so that making them costs nothing. A folder that is there already is used again.
 */
export async function writeVocData(
  folder: string,
  { images, imageBytes }: { readonly images: number; readonly imageBytes: number },
): Promise<VocData> {
  const data = { folder, images, boxes: images * boxesPerImage }
  const marker = join(folder, `complete-${images}-${imageBytes}`)
  if ((await stat(marker).catch(() => undefined)) !== undefined) return data
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Main']) {
    await mkdir(join(folder, part), { recursive: true })
  }
  const picture = await noise(imageBytes)
  const names = Array.from(
    { length: images },
    (_, index) => `image_${String(index).padStart(7, '0')}`,
  )
  for (let from = 0; from < names.length; from += 200) {
    await Promise.all(
      names
        .slice(from, from + 200)
        .flatMap((name, offset) => [
          writeFile(join(folder, 'JPEGImages', `${name}.jpg`), withComment(picture, name)),
          writeFile(join(folder, 'Annotations', `${name}.xml`), annotation(name, from + offset)),
        ]),
    )
  }
  const cut = Math.floor(images * 0.8)
  await writeFile(join(folder, 'ImageSets/Main/train.txt'), `${names.slice(0, cut).join('\n')}\n`)
  await writeFile(join(folder, 'ImageSets/Main/val.txt'), `${names.slice(cut).join('\n')}\n`)
  await writeFile(marker, '')
  return data
}

/** A noise JPEG of 640×480 whose quality brings it near the wanted size. */
async function noise(bytes: number): Promise<Buffer> {
  const raw = Buffer.alloc(640 * 480 * 3)
  let state = 1
  for (let at = 0; at < raw.length; at += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    raw[at] = 96 + ((state >> 16) & 63)
  }
  let best = Buffer.alloc(0)
  for (let quality = 5; quality <= 95; quality += 5) {
    best = await sharp(raw, { raw: { width: 640, height: 480, channels: 3 } })
      .jpeg({ quality })
      .toBuffer()
    if (best.length >= bytes) return best
  }
  return best
}

/** The JPEG with a comment segment after its start marker. */
function withComment(jpeg: Buffer, comment: string): Buffer {
  const text = Buffer.from(comment)
  const head = Buffer.from([0xff, 0xfe, 0, text.length + 2])
  return Buffer.concat([jpeg.subarray(0, 2), head, text, jpeg.subarray(2)])
}

function annotation(name: string, index: number): string {
  const objects = Array.from({ length: boxesPerImage }, (_, box) => {
    const x = 10 + ((index * 7 + box * 150) % 400)
    const y = 10 + ((index * 3 + box * 90) % 300)
    return `<object><name>class_${(index + box) % 5}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox><xmin>${x}</xmin><ymin>${y}</ymin><xmax>${x + 80}</xmax><ymax>${y + 60}</ymax></bndbox></object>`
  })
  return `<annotation><filename>${name}.jpg</filename><size><width>640</width><height>480</height><depth>3</depth></size>${objects.join('')}</annotation>\n`
}
