import { randomBytes } from 'node:crypto'
import type { DatabasePlace } from './database-under-test.ts'

/** A new database on a MongoDB server, for one test; disposing it drops it. */
export function mongoPlace(server: string): DatabasePlace {
  const [hosts = '', query] = server.split('?')
  const name = `mt_test_${randomBytes(8).toString('hex')}`
  const address = `${hosts.replace(/\/$/, '')}/${name}${query === undefined ? '' : `?${query}`}`
  return { address, [Symbol.asyncDispose]: () => dropDatabase(address) }
}

async function dropDatabase(address: string): Promise<void> {
  // A peer that not every user of the suite installs.
  const { default: mongoose } = await import('mongoose')
  const connection = await mongoose.createConnection(address).asPromise()
  try {
    await connection.dropDatabase()
  } finally {
    await connection.close()
  }
}
