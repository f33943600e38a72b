import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { someBytes } from '../../testing/index.ts'
import {
  type PartSource,
  parallelParts,
  partBytes,
  partLimits,
  partsOfBytes,
  partsOfStream,
  wholeBytes,
} from './s3-parts.ts'

async function collect(source: PartSource, sizeBytes: number) {
  const parts: Buffer[] = []
  for (;;) {
    const part = await source.next(sizeBytes)
    parts.push(Buffer.from(part.bytes))
    source.release(part)
    if (part.isLast) return parts
  }
}

describe('parts', () => {
  it('of the sizes used hold 5 TiB and keep what S3 allows', () => {
    let total = 0
    for (let number = 1; number <= partLimits.maxParts; number++) {
      const size = partBytes(number)
      expect(size).toBeGreaterThanOrEqual(partLimits.minBytes)
      expect(size).toBeLessThanOrEqual(partLimits.maxBytes)
      expect(parallelParts(size)).toBeGreaterThanOrEqual(1)
      total += size
    }
    expect(total).toBeGreaterThan(5 * 1024 ** 4)
    // What is in memory while 10 GB are written.
    for (let number = 1; number * wholeBytes < 12e9; number++) {
      expect(parallelParts(partBytes(number)) * partBytes(number)).toBe(4 * wholeBytes)
    }
  })

  it('are the body, whatever its chunks, and are hashed as it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 200 }),
        async (sizes, partSize) => {
          const chunks = sizes.map((size, index) => someBytes(size, index + 1))
          const whole = Buffer.concat(chunks)
          const body = new ReadableStream<Uint8Array>({
            pull(controller) {
              const chunk = chunks.shift()
              if (chunk === undefined) controller.close()
              else controller.enqueue(chunk)
            },
          })
          for (const make of [
            (hash: RunningHash) => partsOfStream(body, hash, {}),
            (hash: RunningHash) => partsOfBytes(whole, hash),
          ]) {
            const hash = new RunningHash()
            const parts = await collect(make(hash), partSize)
            expect(Buffer.concat(parts).equals(whole)).toBe(true)
            expect(parts).toHaveLength(Math.max(1, Math.ceil(whole.length / partSize)))
            expect(hash.sizeBytes).toBe(whole.length)
            expect(hash.digestHex()).toBe(sha256Hex(whole))
          }
        },
      ),
    )
  })
})
