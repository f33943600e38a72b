import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemErrorCode } from '@mindtrace/core'
import { z } from 'zod'

/** What a finished sample says about itself in `sample.json`. */
export const SampleMarker = z.object({
  /** Goes up when the drawing changes, so that an older sample is not taken for a newer one. */
  format: z.literal(1),
  images: z.int(),
  seed: z.int(),
  /** Annotations by label. */
  labels: z.record(z.string(), z.int()),
  /** Images by split. */
  splits: z.object({ train: z.int(), val: z.int(), test: z.int() }),
})
export type SampleMarker = z.infer<typeof SampleMarker>

const fileName = 'sample.json'

/** The marker in `folder`, or undefined where there is none that we can read. */
export async function readMarker(folder: string): Promise<SampleMarker | undefined> {
  try {
    const parsed = SampleMarker.safeParse(
      JSON.parse(await readFile(join(folder, fileName), 'utf8')),
    )
    return parsed.data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

export async function writeMarker(folder: string, marker: SampleMarker): Promise<void> {
  await writeFile(join(folder, fileName), `${JSON.stringify(marker, null, 2)}\n`)
}
