import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { mongoPlace } from '@mindtrace/database/testing'
import { LocalMount } from '@mindtrace/registry/local'
import { MemoryMount } from '@mindtrace/registry/memory'
import { afterAll, describe } from 'vitest'
import { describeAppendedUploads } from '../testing/contract/appended-uploads.ts'
import { describeUploads } from '../testing/contract/uploads.ts'
import { inLakeOf, type LakeWishes } from '../testing/lake-under-test.ts'
import { openLakeOver } from '../testing/local-lakes.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

describe.skipIf(mongodb === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  const places = new AsyncDisposableStack()
  afterAll(() => places.disposeAsync())

  /** Sessions and leases in a database that several processes could share, bytes in a folder. */
  const open = async (wishes?: LakeWishes) => {
    const place = places.use(mongoPlace(mongodb))
    const folder = places.use(await temporaryFolder())
    const database = await openMongoDatabase({ url: place.address })
    const mounts = { main: new LocalMount(join(folder.path, 'main')), other: new MemoryMount() }
    return await openLakeOver({ database, mounts }, wishes)
  }
  describe('uploads of a lake in MongoDB', () => {
    describeUploads(inLakeOf({ open }))
    describeAppendedUploads(inLakeOf({ open }))
  })
})
