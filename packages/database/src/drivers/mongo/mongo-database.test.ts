import { describe } from 'vitest'
import { describeDatabase } from '../../testing/describe-database.ts'
import { mongoPlace } from '../../testing/mongo-place.ts'
import { openMongoDatabase } from './mongo-database.ts'

for (const [name, variable, transactional] of [
  ['mongo replica set', 'MINDTRACE_TEST_MONGODB_URL', true],
  ['mongo standalone', 'MINDTRACE_TEST_MONGODB_STANDALONE_URL', false],
] as const) {
  const server = process.env[variable] ?? ''
  describe.skipIf(server === '')(`with ${variable}`, () => {
    describeDatabase(name, {
      place: async () => mongoPlace(server),
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
