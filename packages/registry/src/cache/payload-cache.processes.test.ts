import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { openMount } from '../mount-url.ts'
import { openS3Mount } from '../mounts/s3/index.ts'
import { someBytes } from '../testing/index.ts'
import { PayloadCache } from './payload-cache.ts'

const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''
const reader = new URL('../testing/cache-reader-process.ts', import.meta.url).pathname
const maxBytes = 4_000_000

function startReader(url: string, folder: string, rounds: number): ChildProcess {
  return spawn(
    process.execPath,
    ['--conditions=@mindtrace/source', reader, url, folder, String(maxBytes), String(rounds)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
}

describe.skipIf(s3 === '')(
  'with MINDTRACE_TEST_S3_ENDPOINT, one cache of several processes',
  () => {
    it('serves whole payloads and keeps its bound, also when some are killed', async () => {
      await using temporary = await temporaryFolder()
      const folder = join(temporary.path, 'cache')
      const url = `s3://cached-${randomUUID()}/lake?endpoint=${encodeURIComponent(s3)}`
      await using registry = await openMount(url, { openers: { s3: openS3Mount } })
      for (let index = 0; index < 12; index++) {
        await registry.put(`n/${index}`, someBytes(index % 4 === 0 ? 900_000 : 200_000, index + 1))
      }
      const cache = new PayloadCache({ folder, maxBytes, reservedBytes: 0 })
      for (let life = 0; life < 4; life++) {
        const readers = [1, 2, 3].map(() => startReader(url, folder, 3))
        const [victim, ...others] = readers
        const ends = others.map((each) => once(each, 'close'))
        others.map((each) => each.stdout?.resume())
        const killed = once(victim as ChildProcess, 'close')
        await once(victim?.stdout as NodeJS.ReadableStream, 'data')
        for (let turn = 0; turn < life * 300; turn++) await new Promise(setImmediate)
        victim?.kill('SIGKILL')
        await killed
        for (const end of ends) expect((await end)[0]).toBe(0)
        // Each process looks through the folder after a twentieth of the limit, and a killed one leaves a draft.
        const { sizeBytes, payloads } = await cache.usage()
        expect(sizeBytes).toBeLessThan(maxBytes + 3 * (900_000 + maxBytes / 20))
        expect(payloads).toBeGreaterThan(0)
      }
    }, 120_000)
  },
)
