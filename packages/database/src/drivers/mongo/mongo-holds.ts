import { createHash } from 'node:crypto'
import type mongoose from 'mongoose'
import { retryInTransaction } from './mongo-errors.ts'

/** The collection of ours that the slots lie in. */
export const holdsCollection = 'mt_holds'
const slots = 1024

/** One slot. */
export interface Hold {
  readonly _id: number
  readonly n: number
}

/**
 * Makes transactions that name the same documents exclude one another. A snapshot does not: one transaction may find
 * a document, another delete it, and both succeed. So both write to the document's slot, one of 1024 documents of a
 * collection of ours, and the server runs the later one again. Two names in one slot cost no more than a repetition.
 */
export async function hold(
  holds: mongoose.mongo.Collection<Hold>,
  collection: string,
  keys: readonly string[],
  session: mongoose.mongo.ClientSession,
): Promise<void> {
  if (keys.length === 0) return
  const wanted = [...new Set(keys.map((key) => slotOf(collection, key)))]
  const update = { $inc: { n: 1 } }
  try {
    // One statement, where they are all there: they are made once and stay.
    const { matchedCount } = await holds.updateMany({ _id: { $in: wanted } }, update, { session })
    if (matchedCount === wanted.length) return
    const operations = wanted.map((slot) => ({
      updateOne: { filter: { _id: slot }, update, upsert: true },
    }))
    await holds.bulkWrite(operations, { session, ordered: false })
  } catch (error) {
    // Two transactions made the slot at once.
    throw retryInTransaction(error, session)
  }
}

function slotOf(collection: string, key: string): number {
  return createHash('sha256').update(`${collection}/${key}`).digest().readUInt32BE(0) % slots
}
