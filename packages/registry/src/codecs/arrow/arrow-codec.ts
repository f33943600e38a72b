import { type ByteStream, chunksOf, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { type RecordBatch, RecordBatchReader, RecordBatchStreamWriter, Table } from 'apache-arrow'
import type { Codec, StoredFiles } from '../codec.ts'
import { noValue } from '../stored-files.ts'
import { isTable, tableArtifact, tableFile, tableMaterializers } from '../table-file.ts'

const contentType = 'application/vnd.apache.arrow.stream'
const fileMagic = 'ARROW1'

/** Arrow record batches, one after the other: to be stored, or as they are read. */
export class ArrowBatches implements AsyncIterable<RecordBatch> {
  readonly #open: () => AsyncIterable<RecordBatch> | Iterable<RecordBatch>

  /** @param batches all of one schema; iterated when they are stored. */
  constructor(
    batches:
      | AsyncIterable<RecordBatch>
      | Iterable<RecordBatch>
      | (() => AsyncIterable<RecordBatch> | Iterable<RecordBatch>),
  ) {
    this.#open = typeof batches === 'function' ? batches : () => batches
  }

  /**
   * What was loaded is read anew each time, one batch in memory at once.
   *
   * @throws {@link MindtraceError} `CORRUPT` for what is no Arrow data.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
    yield* this.#open()
  }

  /** All batches as one table in memory. */
  async table(): Promise<Table> {
    const batches: RecordBatch[] = []
    for await (const batch of this) batches.push(batch)
    return new Table(batches)
  }
}

/**
 * Arrow tables, stored in the IPC streaming format as a file `table.arrows`: Python loads its path, for
 * `pyarrow.ipc.open_stream`. Reads streams and files (`.arrow`, `.feather`), uncompressed.
 */
export const arrowCodec: Codec<ArrowBatches, ArrowBatches | Table> = {
  name: 'Arrow table',
  contentType,
  materializers: tableMaterializers,
  reads: (object) => isTable(object, ['.arrows', '.arrow', '.feather'], contentType),
  accepts: (value) => value instanceof ArrowBatches || value instanceof Table,
  encode: (value) =>
    tableArtifact('table.arrows', ReadableStream.from(ipcChunks(value)) as ByteStream),
  async decode(files) {
    tableFile(files)
    return new ArrowBatches(() => readBatches(files))
  },
}

/** A writer whose bytes can be taken batch by batch; its own queue takes in without end. */
class ChunkWriter extends RecordBatchStreamWriter {
  #chunks: Uint8Array[] = []

  take(): Uint8Array[] {
    const chunks = this.#chunks
    this.#chunks = []
    return chunks
  }

  protected override _write(chunk: Uint8Array): this {
    if (chunk?.byteLength > 0) {
      const { buffer, byteOffset, byteLength } = chunk
      this.#chunks.push(new Uint8Array(buffer, byteOffset, byteLength))
      this._position += byteLength
    }
    return this
  }
}

async function* ipcChunks(value: ArrowBatches | Table): AsyncGenerator<Uint8Array> {
  const writer = new ChunkWriter({ autoDestroy: false })
  if (value instanceof Table && value.batches.length === 0) writer.reset(undefined, value.schema)
  for await (const batch of value instanceof Table ? value.batches : value) {
    writer.write(batch)
    yield* writer.take()
  }
  writer.finish()
  yield* writer.take()
}

async function* readBatches(files: StoredFiles): AsyncGenerator<RecordBatch> {
  const { body } = await files.open(tableFile(files))
  try {
    const reader = await RecordBatchReader.from(withoutFileMagic(body))
    yield* reader as AsyncIterable<RecordBatch>
  } catch (cause) {
    if (isMindtraceError(cause)) throw cause
    throw noValue(files.object, 'Arrow data', cause)
  }
}

/** A file is a stream between its mark and its footer; read as such it need not be held whole. */
async function* withoutFileMagic(body: ByteStream): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array()
  for await (const chunk of chunksOf(body)) {
    if (start === undefined) {
      yield chunk
      continue
    }
    start = Buffer.concat([start, chunk])
    if (start.byteLength < 8) continue
    const isFile = new TextDecoder().decode(start.subarray(0, 6)) === fileMagic
    yield start.subarray(isFile ? 8 : 0)
    start = undefined
  }
  if (start !== undefined) throw new MindtraceError('CORRUPT', 'Arrow data ends before it begins')
}
