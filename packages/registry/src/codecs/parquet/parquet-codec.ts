import { type ByteStream, bytesOf, isMindtraceError, MindtraceError } from '@mindtrace/core'
import {
  type AsyncBuffer,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet'
import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import type { Codec, DecodeOptions, StoredFiles } from '../codec.ts'
import { defaultLimitBytes, formatObject, noValue } from '../stored-files.ts'
import { isTable, tableArtifact, tableFile, tableMaterializers } from '../table-file.ts'

const contentType = 'application/vnd.apache.parquet'

/** Some rows of a table: every column's values, all of the same length. 64-bit integers are bigints. */
export type ColumnBatch = Readonly<Record<string, DecodedArray>>

/** A column that {@link parquetColumns} describes. */
export interface ParquetColumn {
  readonly type: BasicType
  /** Default true. */
  readonly nullable?: boolean | undefined
}

/**
 * The schema of a flat table by its columns, in order. Nested columns need a schema of Parquet's own.
 */
export function parquetColumns(
  columns: Readonly<Record<string, BasicType | ParquetColumn>>,
): readonly SchemaElement[] {
  const columnData = Object.entries(columns).map(([name, column]) => {
    const { type, nullable = true } = typeof column === 'string' ? { type: column } : column
    return { name, type, nullable, data: [] }
  })
  return schemaFromColumnData({ columnData })
}

/** The rows of a Parquet table, in batches: to be stored, or as they are read. */
export class ParquetBatches implements AsyncIterable<ColumnBatch> {
  readonly schema: readonly SchemaElement[]
  /** Known of what was loaded. */
  readonly rowCount: number | undefined
  readonly #open: (
    columns?: readonly string[],
  ) => AsyncIterable<ColumnBatch> | Iterable<ColumnBatch>

  /** @param batches iterated when they are stored; each becomes a row group, so a few thousand rows are good. */
  constructor(
    batches: AsyncIterable<ColumnBatch> | Iterable<ColumnBatch>,
    options: { readonly schema: readonly SchemaElement[] },
  )
  /** @internal */
  constructor(
    batches: (columns?: readonly string[]) => AsyncIterable<ColumnBatch>,
    options: { readonly schema: readonly SchemaElement[]; readonly rowCount: number },
  )
  constructor(
    batches:
      | AsyncIterable<ColumnBatch>
      | Iterable<ColumnBatch>
      | ((columns?: readonly string[]) => AsyncIterable<ColumnBatch>),
    options: {
      readonly schema: readonly SchemaElement[]
      readonly rowCount?: number | undefined
    },
  ) {
    this.#open = typeof batches === 'function' ? batches : () => batches
    this.schema = options.schema
    this.rowCount = options.rowCount
  }

  [Symbol.asyncIterator](): AsyncIterator<ColumnBatch> {
    return this.batches()
  }

  /**
   * The row groups one after the other, each whole in memory. Of what was loaded only the columns asked for
   * are fetched, by ranges; ranges are not checked against the object's hash, `registry.verify` does that.
   */
  async *batches(
    options: { readonly columns?: readonly string[] | undefined } = {},
  ): AsyncGenerator<ColumnBatch> {
    yield* this.#open(options.columns)
  }
}

/**
 * Parquet tables, stored as a file `table.parquet`: Python loads its path, for pandas or pyarrow. Reads
 * what is uncompressed or compressed by Snappy, and writes Snappy.
 */
export const parquetCodec: Codec<ParquetBatches> = {
  name: 'Parquet table',
  contentType,
  materializers: tableMaterializers,
  reads: (object) => isTable(object, ['.parquet'], contentType),
  accepts: (value) => value instanceof ParquetBatches,
  encode: (table) =>
    tableArtifact('table.parquet', ReadableStream.from(parquetChunks(table)) as ByteStream),
  async decode(files, options = {}) {
    return readable(files, async () => {
      const file = await asyncBuffer(files, options)
      const metadata = await parquetMetadataAsync(file)
      return new ParquetBatches((columns) => readBatches(files, { file, metadata, columns }), {
        schema: metadata.schema,
        rowCount: Number(metadata.num_rows),
      })
    })
  },
}

async function* parquetChunks(table: ParquetBatches): AsyncGenerator<Uint8Array> {
  const writer = new ByteWriter()
  const take = () => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    return bytes
  }
  const schema = [...table.schema]
  const parquet = new ParquetWriter({ writer, schema })
  const names = columnsOf(schema)
  for await (const batch of table) {
    const columnData = names.map((name) => ({ name, data: batch[name] ?? missing(name) }))
    const rowGroupSize = Math.max(1, columnData[0]?.data.length ?? 1)
    await parquet.write({ columnData, rowGroupSize })
    yield take()
  }
  await parquet.finish()
  yield take()
}

function columnsOf(schema: SchemaElement[]): string[] {
  return parquetSchema({ schema } as FileMetaData).children.map(({ element }) => element.name)
}

function missing(name: string): never {
  throw new MindtraceError(
    'INVALID_INPUT',
    `a batch has no column '${name}', which the schema has; give it nulls`,
  )
}

async function* readBatches(
  files: StoredFiles,
  {
    file,
    metadata,
    columns,
  }: {
    readonly file: AsyncBuffer
    readonly metadata: FileMetaData
    readonly columns: readonly string[] | undefined
  },
): AsyncGenerator<ColumnBatch> {
  const names = columnsOf(metadata.schema)
  for (const name of columns ?? []) {
    if (names.includes(name)) continue
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${formatObject(files.object)}' has no column '${name}'; it has ${names.join(', ')}`,
    )
  }
  const wanted = [...(columns ?? names)]
  const scan = await readable(files, () => parquetScan({ file, metadata, columns: wanted }))
  for (const range of scan.ranges) {
    const read = async () => {
      const values = wanted.map((column) => scan.readColumn({ column, ...range }))
      return Object.fromEntries((await Promise.all(values)).map((data, at) => [wanted[at], data]))
    }
    yield (await readable(files, read)) as ColumnBatch
  }
}

/** Ranges of the file, each bounded by what may be held in memory. */
async function asyncBuffer(files: StoredFiles, options: DecodeOptions): Promise<AsyncBuffer> {
  const path = tableFile(files)
  const { body, sizeBytes } = await files.open(path, { signal: options.signal })
  await body.cancel()
  const { signal, limitBytes = defaultLimitBytes } = options
  return {
    byteLength: sizeBytes,
    async slice(start, end = sizeBytes) {
      if (start === end) return new ArrayBuffer()
      const range = { start: start < 0 ? sizeBytes + start : start, end }
      const part = await files.open(path, { range, signal })
      const bytes = await bytesOf(part.body, limitBytes, { signal })
      return bytes.buffer
    },
  }
}

/** Runs what fails for bytes that are no Parquet. @throws {@link MindtraceError} `CORRUPT` then. */
async function readable<T>(files: StoredFiles, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (isMindtraceError(cause)) throw cause
    if (cause instanceof Error && /compress|codec|encrypt/i.test(cause.message)) {
      throw new MindtraceError(
        'NOT_IMPLEMENTED',
        `'${formatObject(files.object)}' is Parquet that cannot be read here: ${cause.message}`,
        { cause },
      )
    }
    throw noValue(files.object, 'Parquet data', cause)
  }
}
