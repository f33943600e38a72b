import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { type ByteStream, checkedStream } from '@mindtrace/core'
import { blockBytes, type EntryFacts, printEntryEnd } from './cache-entry.ts'

/** How a fill ended. */
export type FillOutcome =
  | { readonly status: 'kept'; readonly fileBytes: number }
  | { readonly status: 'dropped' }
  | { readonly status: 'failed'; readonly error: unknown }

/** Blocks that may wait for the disk. */
const parallelWrites = 8

const write = promisify(fs.write)

/** An entry on its way into the cache. None of its calls throws: a cache that fails is no failure of a read. */
export class CacheFill {
  readonly #facts: EntryFacts
  readonly #draft: string
  readonly #path: string
  readonly #end: (outcome: FillOutcome) => void
  readonly #sums: number[] = []
  #block: Buffer
  /** Blocks on their way to the disk, in order. Their memory is used again. */
  readonly #writes: { readonly block: Buffer; readonly done: Promise<void> }[] = []
  #position = 0
  #filled = 0
  #sizeBytes = 0
  #fd: number | undefined
  #isOver = false

  /** @param paths - where the bytes are gathered, and where the entry is to be; both in one file system. */
  constructor(
    facts: EntryFacts,
    paths: { readonly draft: string; readonly path: string },
    end: (outcome: FillOutcome) => void,
  ) {
    this.#facts = facts
    this.#draft = paths.draft
    this.#path = paths.path
    this.#end = end
    this.#block = Buffer.allocUnsafe(Math.min(blockBytes, facts.sizeBytes))
  }

  /** Takes a copy of the next bytes of the payload. */
  async add(chunk: Uint8Array): Promise<void> {
    if (this.#isOver) return
    this.#sizeBytes += chunk.byteLength
    if (this.#sizeBytes > this.#facts.sizeBytes) return this.drop()
    for (let from = 0; from < chunk.byteLength; ) {
      const taken = Math.min(chunk.byteLength - from, this.#block.byteLength - this.#filled)
      this.#block.set(chunk.subarray(from, from + taken), this.#filled)
      this.#filled += taken
      from += taken
      if (this.#filled < this.#block.byteLength || this.#block.byteLength < blockBytes) continue
      if (!(await this.#flush())) return
    }
  }

  /** The payload has ended well: makes it an entry, unless bytes are missing. */
  async keep(): Promise<void> {
    if (this.#isOver) return
    if (this.#sizeBytes !== this.#facts.sizeBytes) return this.drop()
    try {
      for (const { done } of this.#writes) await done
      const last = this.#block.subarray(0, this.#filled)
      if (last.byteLength > 0) this.#sums.push(crc32(last))
      const end = printEntryEnd(this.#facts, this.#sums)
      const fd = this.#open()
      const written = fs.writevSync(fd, [last, end], this.#position)
      if (written !== last.byteLength + end.byteLength) throw new Error('the disk took half of it')
      fs.closeSync(fd)
      this.#fd = undefined
      this.#publish()
      this.#over({ status: 'kept', fileBytes: this.#sizeBytes + end.byteLength })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The payload was not read to its end, or is none to keep. */
  drop(): void {
    if (this.#isOver) return
    this.#over({ status: 'dropped' })
    this.#discard()
  }

  /** Hands the block to the disk, while the next ones are filled. False when the fill is over. */
  async #flush(): Promise<boolean> {
    try {
      const block = this.#block
      this.#sums.push(crc32(block))
      const done = writeWhole(this.#open(), block, this.#position)
      done.catch(() => {}) // whoever waits for it throws
      this.#writes.push({ block, done })
      this.#position += block.byteLength
      this.#filled = 0
      const oldest = this.#writes.length < parallelWrites ? undefined : this.#writes[0]
      await oldest?.done
      if (oldest !== undefined) this.#writes.shift()
      this.#block = oldest?.block ?? Buffer.allocUnsafe(blockBytes)
      return !this.#isOver
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  #open(): number {
    this.#fd ??= fs.openSync(this.#draft, 'wx', 0o600)
    return this.#fd
  }

  #publish(): void {
    try {
      fs.renameSync(this.#draft, this.#path)
    } catch {
      fs.mkdirSync(dirname(this.#path), { mode: 0o700, recursive: true })
      fs.renameSync(this.#draft, this.#path)
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#over({ status: 'failed', error })
    this.#discard()
  }

  #over(outcome: FillOutcome): void {
    this.#isOver = true
    this.#end(outcome)
  }

  #discard(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd === undefined) return
    // A closed number may be another file's the next moment.
    void Promise.allSettled(this.#writes.map(({ done }) => done))
      .then(() => {
        fs.closeSync(fd)
        fs.rmSync(this.#draft, { force: true })
      })
      .catch(() => {})
  }
}

async function writeWhole(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let from = 0; from < bytes.byteLength; ) {
    const { bytesWritten } = await write(fd, bytes, from, bytes.byteLength - from, position + from)
    from += bytesWritten
  }
}

/** The stream as it is, gathered on its way. Only one that ends well becomes an entry. */
export function filling(body: ByteStream, fill: CacheFill): ByteStream {
  return checkedStream(body, {
    update: (chunk) => fill.add(chunk),
    fault: async () => {
      await fill.keep()
      return undefined
    },
    broken: () => fill.drop(),
  })
}
