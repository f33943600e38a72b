import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collect } from '../testing/collected.ts'
import { openVoc } from './voc-source.ts'

const data =
  process.env.MINDTRACE_TEST_DATA ?? join(import.meta.dirname, '../../../../..', 'shared', 'data')
const bccd = join(data, 'bccd')
const isHere = existsSync(bccd)

describe(`BCCD${isHere ? '' : ` (skipped: not at ${bccd}; set MINDTRACE_TEST_DATA)`}`, () => {
  it.skipIf(!isHere)('has its published totals', async () => {
    const source = await openVoc(bccd)
    const found = await collect(source)
    const records = found.samples.flatMap(({ sample }) =>
      sample.annotation_sets.flatMap((set) => set.records),
    )
    expect(source.total).toBe(364)
    expect(source.splits).toEqual(['train', 'val', 'test'])
    expect(found.findings).toEqual([])
    expect(counts(records.map(({ label }) => label))).toEqual({
      Platelets: 361,
      RBC: 4155,
      WBC: 372,
    })
    expect(counts(found.samples.map(({ sample }) => String(sample.split)))).toEqual({
      test: 72,
      train: 205,
      val: 87,
    })
    const trainval = await collect(await openVoc(bccd, { splits: ['trainval'] }))
    expect(trainval.samples).toHaveLength(292)
    for (const folder of ['BCCD', 'BCCD/JPEGImages/..']) {
      expect((await openVoc(join(bccd, folder))).total).toBe(364)
    }
  })

  it.skipIf(!isHere)('has every box of its label files', async () => {
    const found = await collect(await openVoc(bccd))
    for (const { sample } of found.samples) {
      const id = String(sample.metadata.source_image_id)
      const xml = await readFile(join(bccd, 'BCCD', 'Annotations', `${id}.xml`), 'utf8')
      const expected = [...xml.matchAll(/<object>.*?<\/object>/gs)].map(([object]) => {
        const number = (name: string) => Number(new RegExp(`<${name}>(.*?)<`).exec(object)?.[1])
        const [xmin, ymin, xmax, ymax] = ['xmin', 'ymin', 'xmax', 'ymax'].map(number) as [
          number,
          number,
          number,
          number,
        ]
        return {
          label: /<name>(.*?)</.exec(object)?.[1],
          truncated: number('truncated'),
          geometry: {
            type: 'bbox',
            x: xmin - 1,
            y: ymin - 1,
            width: xmax - xmin + 1,
            height: ymax - ymin + 1,
          },
        }
      })
      const boxes = found.records(sample.source_key).map(({ label, geometry, attributes }) => ({
        label,
        truncated: attributes.truncated,
        geometry,
      }))
      expect(boxes).toEqual(expected)
    }
  })
})

function counts(names: readonly string[]): Record<string, number> {
  const byName: Record<string, number> = {}
  for (const name of names) byName[name] = (byName[name] ?? 0) + 1
  return byName
}
