import { randomBytes } from 'node:crypto'
import mongoose from 'mongoose'
import { describe } from 'vitest'
import { describeDatabase } from '../../testing/describe-database.ts'
import { openMongoDatabase } from './mongo-database.ts'

for (const [name, variable, transactional] of [
  ['mongo replica set', 'MINDTRACE_TEST_MONGODB_URL', true],
  ['mongo standalone', 'MINDTRACE_TEST_MONGODB_STANDALONE_URL', false],
] as const) {
  const server = process.env[variable] ?? ''
  describe.skipIf(server === '')(`with ${variable}`, () => {
    describeDatabase(name, {
      place: async () => {
        const address = urlOf(server, `mt_test_${randomBytes(6).toString('hex')}`)
        return { address, [Symbol.asyncDispose]: () => dropDatabase(address) }
      },
      transactional,
      open: (url) => openMongoDatabase({ url }),
      otherProcesses: {
        module: new URL('./index.ts', import.meta.url).href,
        call: 'openMongoDatabase',
        argument: (url) => ({ url }),
      },
    })
  })
}

function urlOf(server: string, database: string): string {
  const [hosts, query] = server.split(/\/?\?/)
  return `${hosts?.replace(/\/$/, '')}/${database}${query === undefined ? '' : `?${query}`}`
}

async function dropDatabase(address: string): Promise<void> {
  const connection = await mongoose.createConnection(address).asPromise()
  try {
    await connection.dropDatabase()
  } finally {
    await connection.close()
  }
}
