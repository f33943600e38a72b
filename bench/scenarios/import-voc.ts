import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { runMindtrace, serveMindtrace } from '../cli-process.ts'
import { type Measurement, type Scenario, settleDisk } from '../scenario.ts'
import { writeVocData } from '../voc-data.ts'

const images = 10_000
const imageBytes = 50_000

/** The budgets of the import, embedded and over HTTP. */
export const importVoc: Scenario = {
  name: 'VOC import',
  about:
    'Images of 50 KB with 3 boxes each, by `mindtrace import voc` as a process. Baseline: each file read, hashed and written under its hash with fsync and rename, 8 at a time, nothing else.',
  async run({ folder, shrink }) {
    const count = Math.round(images / shrink)
    const data = await writeVocData(join(folder, 'voc'), { images: count, imageBytes })
    await settleDisk()
    const plain = await plainCopy(join(data.folder, 'JPEGImages'), join(folder, 'plain'))
    await settleDisk()
    const source = ['import', 'voc', data.folder, '--dataset', 'bench', '--json']
    const embedded = await runMindtrace([...source, '--lake', join(folder, 'embedded')])
    check(embedded.stdout, count, data.boxes)
    const rates = tailRates(embedded.lines, count)
    const results: Measurement[] = [
      {
        what: `${count.toLocaleString('en-US')} images, embedded`,
        value: count / embedded.seconds,
        unit: 'images/s',
        baseline: { name: 'plain read-hash-write', value: plain },
        budget: { text: '≥ 1,000 images/s', kept: count / embedded.seconds >= 1000 },
      },
      {
        what: 'last tenth beside the first, embedded',
        value: rates.last / rates.first,
        unit: '× the rate',
        budget: { text: '≥ 0.9', kept: rates.last / rates.first >= 0.9 },
      },
      {
        what: 'peak memory, embedded',
        value: embedded.peakMiB,
        unit: 'MiB RSS',
        budget: { text: '< 300 MB', kept: embedded.peakMiB * 1.048576 < 300 },
      },
    ]
    await settleDisk()
    await using service = await serveMindtrace(['--lake', join(folder, 'served')], 18_431)
    const remote = await runMindtrace([...source, '--lake', service.address])
    check(remote.stdout, count, data.boxes)
    return [
      ...results,
      {
        what: `${count.toLocaleString('en-US')} images, over HTTP`,
        value: count / remote.seconds,
        unit: 'images/s',
        baseline: { name: 'plain read-hash-write', value: plain },
        budget: { text: '≥ 500 images/s', kept: count / remote.seconds >= 500 },
      },
      { what: 'peak memory of the service, over HTTP', value: service.peakMiB(), unit: 'MiB RSS' },
      { what: 'peak memory of the command, over HTTP', value: remote.peakMiB, unit: 'MiB RSS' },
    ]
  },
}

function check(stdout: string, datums: number, annotations: number): void {
  const report = JSON.parse(stdout) as Record<string, unknown>
  if (report.datums !== datums || report.annotations !== annotations || report.error_count !== 0) {
    throw new Error(`the import is not whole: ${stdout.slice(0, 500)}`)
  }
}

/** Images a second in the first and last tenth, from the progress lines. */
function tailRates(
  lines: readonly { readonly at: number; readonly text: string }[],
  total: number,
): { readonly first: number; readonly last: number } {
  const points = lines.flatMap(({ at, text }) => {
    const match = /^import ([\d,]+)\//.exec(text)
    return match?.[1] === undefined ? [] : [{ at, done: Number(match[1].replaceAll(',', '')) }]
  })
  const at = (done: number) => {
    const after = points.findIndex((point) => point.done >= done)
    const [from, to] = [
      points[Math.max(0, after - 1)],
      points[after === -1 ? points.length - 1 : after],
    ]
    if (from === undefined || to === undefined || to.done === from.done) return to?.at ?? Number.NaN
    return from.at + ((to.at - from.at) * (done - from.done)) / (to.done - from.done)
  }
  const tenth = total / 10
  const start = points[0]
  if (start === undefined) throw new Error('the import showed no progress')
  return {
    first: tenth / (at(start.done + tenth) - start.at),
    last: tenth / (at(total) - at(total - tenth)),
  }
}

/** Files a second. */
async function plainCopy(from: string, to: string): Promise<number> {
  await mkdir(to, { recursive: true })
  const names = await readdir(from)
  const startedAt = performance.now()
  let next = 0
  const worker = async () => {
    while (next < names.length) {
      const bytes = await readFile(join(from, names[next++] as string))
      const name = createHash('sha256').update(bytes).digest('hex')
      const file = await open(join(to, `${name}.tmp`), 'wx')
      await file.writeFile(bytes)
      await file.datasync()
      await file.close()
      await rename(join(to, `${name}.tmp`), join(to, name))
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return names.length / ((performance.now() - startedAt) / 1000)
}
