import type mongoose from 'mongoose'
import type { DatabaseLoad } from '../../database.ts'

/** Counts the connections of a client, of all its servers together, by what the client tells of them. */
export class MongoPool {
  #open = 0
  #inUse = 0
  #waiting = 0

  constructor(client: mongoose.mongo.MongoClient) {
    client.on('connectionCreated', () => {
      this.#open += 1
    })
    client.on('connectionClosed', () => {
      this.#open -= 1
    })
    client.on('connectionCheckOutStarted', () => {
      this.#waiting += 1
    })
    client.on('connectionCheckOutFailed', () => {
      this.#waiting -= 1
    })
    client.on('connectionCheckedOut', () => {
      this.#waiting -= 1
      this.#inUse += 1
    })
    client.on('connectionCheckedIn', () => {
      this.#inUse -= 1
    })
  }

  load(): DatabaseLoad {
    return { waiting: this.#waiting, connections: { open: this.#open, inUse: this.#inUse } }
  }
}
