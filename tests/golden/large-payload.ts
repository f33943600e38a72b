/* Puts a large payload into a lake in a folder, copies and reads it, and says how much memory that took. */
import { openLake } from '@mindtrace/datalake'

const piece = new Uint8Array(1024 * 1024).fill(7)
const pieces = 256

await using lake = await openLake(process.argv[2] as string)
let left = pieces
const body = new ReadableStream<Uint8Array>(
  {
    pull(controller) {
      if (left === 0) return controller.close()
      left -= 1
      controller.enqueue(piece.slice())
    },
  },
  { highWaterMark: 0 },
)
const { storage_ref: source } = await lake.streams.writeObject({ mount: null, name: 'large' }, body)
const copied = { source, target_mount: source.mount, target_name: 'copy' }
const { storage_ref } = await lake.objects.copy(copied)
let bytes = 0
for await (const chunk of (await lake.streams.readObject(storage_ref)).body) {
  bytes += chunk.byteLength
}
const peak_rss_bytes = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ bytes, peak_rss_bytes }))
