// Imports a VOC folder and walks over its samples, page by page.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { openLake } from '@mindtrace/datalake'
import { runImport } from '@mindtrace/formats'
import { openVoc } from '@mindtrace/formats/voc'
import sharp from 'sharp'

await mkdir('plates', { recursive: true })
for (const name of ['left', 'right']) {
  const image = sharp({ create: { width: 64, height: 48, channels: 3, background: '#567' } })
  await writeFile(`plates/${name}.jpg`, await image.jpeg().toBuffer())
  await writeFile(
    `plates/${name}.xml`,
    `<annotation><object><name>dent</name><bndbox>
       <xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>20</ymax>
     </bndbox></object></annotation>`,
  )
}

await using lake = await openLake('./plates-lake')
const source = await openVoc('plates', { name: 'plates' })
const report = await runImport(lake, source, { dataset: 'plates', version: '1.0.0' })
assert.equal(report.annotations, 2)

let cursor: string | null = null
const boxes: unknown[] = []
do {
  const page: Awaited<ReturnType<typeof lake.datasetVersions.viewPage>> =
    await lake.datasetVersions.viewPage({
      dataset_name: 'plates',
      version: '1.0.0',
      cursor,
      limit: 1,
      expand: { annotation_records: true },
    })
  for (const row of page.items) {
    for (const record of Object.values(row.annotation_records ?? {}).flat()) {
      boxes.push(record.geometry)
    }
  }
  cursor = page.page.next_cursor
} while (cursor !== null)
const box = { type: 'bbox', x: 10, y: 10, width: 20, height: 10 }
assert.deepEqual(boxes, [box, box])
