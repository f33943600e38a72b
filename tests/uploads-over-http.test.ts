import { connectLake } from '@mindtrace/client'
import {
  describeAppendedUploads,
  describeUploads,
  inLakeOf,
  type LakeWishes,
  openFolderLake,
} from '@mindtrace/datalake/testing'
import { createApp, startService } from '@mindtrace/service'
import { describe } from 'vitest'
import { watchApps } from './openapi/watched-app.ts'

const declared = watchApps()

/** A lake in a folder behind a service, reached over a real socket. */
async function open(wishes?: LakeWishes) {
  const lake = await openFolderLake(wishes)
  const serverInfo = { serverId: 'none', pidFile: 'none', version: '0.0.0' }
  const app = declared.watch(createApp({ lake, serverInfo }))
  const service = await startService({ app, port: 0, closeTimeoutMs: 100 })
  const remote = connectLake(service.address)
  return {
    ...remote,
    [Symbol.asyncDispose]: async () => {
      await remote[Symbol.asyncDispose]()
      await service.close()
      await lake[Symbol.asyncDispose]()
    },
  }
}

describe('uploads over HTTP', () => {
  describeUploads(inLakeOf({ open }))
  describeAppendedUploads(inLakeOf({ open }))
})
