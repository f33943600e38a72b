import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { createApp, startService } from '@mindtrace/service'
import { expect, test } from 'vitest'
import { python, runStory } from './run-story.ts'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

/** A service over a lake with a local mount and, where there is a store, one in a bucket. */
async function served() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const home = join(folder.path, 'home')
  await mkdir(home)
  const bucket = `s3://uploads-${randomUUID()}/lake?endpoint=${encodeURIComponent(endpoint)}`
  const lake = stack.use(
    await openLake(join(folder.path, 'lake'), {
      mounts: {
        main: `file:${join(folder.path, 'main')}`,
        ...(endpoint === '' ? {} : { bucket }),
      },
      defaultMount: 'main',
    }),
  )
  const mounts = lake.mounts().then((told) => told.mounts.map(({ name }) => String(name)))
  if (endpoint !== '') {
    // A mount makes its bucket with its first write.
    await lake.objects.put({ name: 'first', data_base64: '', mount: 'bucket' })
  }
  const serverInfo = { serverId: randomUUID(), pidFile: 'none', version: '0.0.0' }
  const service = stack.use(await startService({ app: createApp({ lake, serverInfo }), port: 0 }))
  const kept = stack.move()
  return {
    clientAddress: service.address,
    home,
    mounts: await mounts,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test.skipIf(python === undefined)(
  "the Python package's upload client works over the service (set MINDTRACE_TEST_PYTHON)",
  { timeout: 120_000 },
  async () => {
    await using lake = await served()
    const calls = await runStory('upload_story.py', lake, ...lake.mounts)
    expect(calls.length).toBeGreaterThan(10)
    expect(calls.filter(({ limit }) => limit !== undefined).map(({ task }) => task)).toEqual(
      endpoint === '' ? [] : ['aupload_file bucket'],
    )
  },
)
