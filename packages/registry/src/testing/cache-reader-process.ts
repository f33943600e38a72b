import { bytesOf } from '@mindtrace/core'
import { PayloadCache } from '../cache/payload-cache.ts'
import { openMount } from '../mount-url.ts'
import { openS3Mount } from '../mounts/s3/index.ts'

/** Reads the objects of a registry through a cache, again and again, until it is killed or has had enough. */
const [url = '', folder = '', maxBytes = '', rounds = ''] = process.argv.slice(2)
const cache = new PayloadCache({ folder, maxBytes: Number(maxBytes), reservedBytes: 0 })
await using registry = await openMount(url, { openers: { s3: openS3Mount }, cache })
const names: string[] = []
for await (const name of registry.list()) names.push(name)
for (let round = 0; round < Number(rounds); round++) {
  for (const [index] of names.entries()) {
    const name = names[(index * 7 + round + process.pid) % names.length] ?? ''
    const { body, sizeBytes } = await registry.open(name)
    // Whole objects are verified as they are read.
    const bytes = await bytesOf(body, 1e9)
    if (bytes.byteLength !== sizeBytes) throw new Error(`${name} has ${bytes.byteLength} bytes`)
  }
  process.stdout.write(`round ${round}\n`)
}
await cache.settled()
