import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { type CallOptions, inGroups, isMindtraceError, mapBounded } from '@mindtrace/core'
import type { S3Connection } from './s3-connection.ts'
import { s3Code } from './s3-errors.ts'
import { nothingWhenAbsent } from './s3-objects.ts'

const keysPerDelete = 1000
const parallelDeletes = 4

/** Deletes keys, many in one request where the store has such a request. */
export class S3Deletes {
  readonly #connection: S3Connection
  #deletesMany = true

  constructor(connection: S3Connection) {
    this.#connection = connection
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    const command = new DeleteObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(key),
    })
    await nothingWhenAbsent(this.#connection.send(command, { action: 'delete', key, signal }))
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) this.#connection.keyOf(key)
    const groups: string[][] = []
    for await (const group of inGroups(keys, keysPerDelete)) groups.push(group)
    await mapBounded(groups, parallelDeletes, (group) => this.#deleteGroup(group, options), options)
  }

  async #deleteGroup(keys: readonly string[], options: CallOptions): Promise<void> {
    // XML, in which the keys of a group are sent, has no control characters.
    const isSendable = (key: string) => this.#deletesMany && !hasControlCharacter(key)
    const rest = await this.#deleteTogether(keys.filter(isSendable), options)
    const single = [...keys.filter((key) => !isSendable(key)), ...rest]
    await mapBounded(
      [...new Set(single)],
      parallelDeletes,
      (key) => this.delete(key, options),
      options,
    )
  }

  /** Gives the keys that the store did not delete, to be tried one by one: that tells why. */
  async #deleteTogether(
    keys: readonly string[],
    { signal }: CallOptions,
  ): Promise<readonly string[]> {
    if (keys.length < 2) return keys
    const command = new DeleteObjectsCommand({
      Bucket: this.#connection.bucket,
      Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: this.#connection.keyOf(key) })) },
    })
    const sending = { action: `delete ${keys.length} keys of`, signal }
    try {
      const { Errors = [] } = await this.#connection.send(command, sending)
      return Errors.flatMap(({ Key }) => Key?.slice(this.#connection.prefix.length) ?? [])
    } catch (error) {
      if (s3Code(error) === 'NoSuchBucket') return []
      if (
        !isMindtraceError(error, 'NOT_IMPLEMENTED') &&
        !isMindtraceError(error, 'INVALID_INPUT')
      ) {
        throw error
      }
      // Some stores have no such request, or want it with a digest that this SDK does not send.
      this.#deletesMany = false
      return keys
    }
  }
}

function hasControlCharacter(key: string): boolean {
  return /[\p{Cc}\ufffe\uffff]/u.test(key)
}
