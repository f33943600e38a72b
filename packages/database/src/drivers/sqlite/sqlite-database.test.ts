import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describeDatabase } from '../../testing/describe-database.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

describeDatabase('sqlite file', {
  place: async () => {
    const folder = await temporaryFolder()
    return {
      address: join(folder.path, 'lake.db'),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    }
  },
  open: (path) => openSqliteDatabase({ path }),
  otherProcesses: {
    module: new URL('./index.ts', import.meta.url).href,
    call: 'openSqliteDatabase',
    argument: (path) => ({ path }),
  },
})

describeDatabase('sqlite file, read beside the event loop', {
  place: async () => {
    const folder = await temporaryFolder()
    return {
      address: join(folder.path, 'lake.db'),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    }
  },
  open: (path) => openSqliteDatabase({ path, largeFileBytes: 0 }),
  otherProcesses: {
    module: new URL('./index.ts', import.meta.url).href,
    call: 'openSqliteDatabase',
    argument: (path) => ({ path, largeFileBytes: 0 }),
  },
})

describeDatabase('sqlite in memory', {
  place: async () => ({ address: ':memory:', async [Symbol.asyncDispose]() {} }),
  open: (path) => openSqliteDatabase({ path }),
  otherProcesses: undefined,
})
