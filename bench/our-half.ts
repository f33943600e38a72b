import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openLakeDatabase } from '@mindtrace/datalake'
import {
  annotationRecords,
  insertRecords,
  labelCount,
  placeAt,
  scatteredKey,
} from './record-data.ts'

/*
 * `node our-half.ts ADDRESS COUNT` writes that many records and reads them back in all ways that are
 * measured, without any baseline, and prints the most memory it had, in MiB.
 */
if (import.meta.main) {
  const [address = '', count = ''] = process.argv.slice(2)
  await doOurHalf(address, Number(count))
  process.stdout.write(`${process.resourceUsage().maxRSS / 1024}\n`)
}

/** The most memory, in MiB, of a process that does nothing but our half of a comparison. */
export async function peakOfOurHalf(address: string, count: number): Promise<number> {
  const program = fileURLToPath(import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [program, address, String(count)])
  return Number(stdout)
}

async function doOurHalf(address: string, count: number): Promise<void> {
  await using database = await openLakeDatabase(address)
  const repository = database.repository(annotationRecords())
  await insertRecords(repository, 0, count)
  const sort = ['-created_at', '-annotation_id']
  for (let run = 0; run < 400; run += 1) {
    await repository.get(scatteredKey(run, count))
    for (const share of [0, 0.5, 0.99]) {
      const after = share === 0 ? undefined : placeAt(share, run, count)
      await repository.find({}, { sort, limit: 100, after })
    }
    if (run < 100) await repository.count({ label: `label_${run % labelCount}` })
    if (run < 10) await repository.countBy('label')
  }
}
