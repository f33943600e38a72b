import { randomUUID } from 'node:crypto'
import type { Lake } from '@mindtrace/contract'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { S3Mount } from '@mindtrace/registry/s3'
import type { LakeWishes } from './lake-under-test.ts'
import { openLakeOver } from './local-lakes.ts'

/** Makes lakes whose payloads lie in a bucket of one test file, each under prefixes of its own. */
export function s3Lakes(endpoint: string): {
  open: (wishes?: LakeWishes) => Promise<Lake>
  takesUploads: true
} {
  const bucket = `lake-${randomUUID()}`
  let lakes = 0
  return {
    takesUploads: true,
    open: async (wishes) => {
      lakes += 1
      const database = await openSqliteDatabase({ path: ':memory:' })
      const mount = (name: string) =>
        new S3Mount({ endpoint, bucket, prefix: `lake-${lakes}/${name}` })
      return openLakeOver(
        { database, mounts: { main: mount('main'), other: mount('other') } },
        wishes,
      )
    },
  }
}
