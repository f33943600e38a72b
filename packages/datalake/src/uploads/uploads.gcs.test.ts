import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newToken } from '@mindtrace/core'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { GcsMount } from '@mindtrace/registry/gcs'
import { MemoryMount } from '@mindtrace/registry/memory'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { describeAppendedUploads } from '../testing/contract/appended-uploads.ts'
import { describeUploads } from '../testing/contract/uploads.ts'
import { inLakeOf, type LakeWishes } from '../testing/lake-under-test.ts'
import { openLakeOver } from '../testing/local-lakes.ts'

const endpoint = process.env.MINDTRACE_TEST_GCS_ENDPOINT ?? ''

describe.skipIf(endpoint === '')('with MINDTRACE_TEST_GCS_ENDPOINT', () => {
  let folder: TemporaryFolder

  // Requests are signed with a key; the emulator takes any.
  beforeAll(async () => {
    folder = await temporaryFolder()
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const file = join(folder.path, 'account.json')
    const account = {
      type: 'service_account',
      project_id: 'test',
      private_key_id: 'key',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: 'test@test.iam.gserviceaccount.com',
      client_id: '1',
      token_uri: 'http://127.0.0.1:9/token',
    }
    await writeFile(file, JSON.stringify(account))
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    await folder[Symbol.asyncDispose]()
  })

  const bucket = `uploads-${newToken().slice(0, 12)}`
  const open = async (wishes?: LakeWishes) => {
    const database = await openSqliteDatabase({ path: ':memory:' })
    const main = new GcsMount({ bucket, prefix: newToken(), endpoint })
    return await openLakeOver({ database, mounts: { main, other: new MemoryMount() } }, wishes)
  }
  describe('uploads to a GCS bucket', () => {
    describeUploads(inLakeOf({ open }))
    describeAppendedUploads(inLakeOf({ open }))
  })
})
