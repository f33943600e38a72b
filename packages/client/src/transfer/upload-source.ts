import { type ByteStream, type CallOptions, chunksOf, MindtraceError } from '@mindtrace/core'

/** Bytes of a known size that can be read from their beginning. */
export interface UploadSource {
  readonly sizeBytes: number
  /** The last part of its path, where it has one. */
  readonly name: string | undefined
  open(): ByteStream | Promise<ByteStream>
  /** The same bytes as a body of known length, read as they are sent. */
  blob(): Blob | Promise<Blob>
}

/**
 * What is to be uploaded: a `Blob` or `File` as it is, a path or `file:` URL in Node.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` for a path that leads to no file, `INVALID_INPUT` where there
 * are no paths.
 */
export async function sourceOf(source: Blob | string | URL): Promise<UploadSource> {
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : undefined
    return { sizeBytes: source.size, name, open: () => source.stream(), blob: () => source }
  }
  // Asked for at run time, so that bundlers for browsers find no Node in here.
  const fs = globalThis.process?.getBuiltinModule?.('node:fs')
  const streams = globalThis.process?.getBuiltinModule?.('node:stream')
  if (fs === undefined || streams === undefined) {
    throw new MindtraceError('INVALID_INPUT', 'there are no paths here; give a Blob or a File')
  }
  const found = await fs.promises.stat(source).catch((cause: unknown) => {
    throw new MindtraceError('NOT_FOUND', `there is no file '${String(source)}'`, { cause })
  })
  if (!found.isFile()) {
    throw new MindtraceError('INVALID_INPUT', `'${String(source)}' is no file`)
  }
  return {
    sizeBytes: found.size,
    name: String(source).split(/[\\/]/).at(-1),
    open: () =>
      streams.Readable.toWeb(
        fs.createReadStream(source, { highWaterMark: 1024 * 1024 }),
      ) as ByteStream,
    blob: () => fs.openAsBlob(source),
  }
}

/** The bytes in pieces of one size, the last one smaller; an empty source is one empty piece. */
export async function* piecesOf(
  { open, sizeBytes }: UploadSource,
  pieceBytes: number,
  options: CallOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(Math.min(pieceBytes, sizeBytes))
  let filled = 0
  let total = 0
  for await (let chunk of chunksOf(await open(), options)) {
    total += chunk.byteLength
    if (total > sizeBytes) break
    while (chunk.byteLength > 0) {
      const taken = chunk.subarray(0, piece.byteLength - filled)
      piece.set(taken, filled)
      filled += taken.byteLength
      chunk = chunk.subarray(taken.byteLength)
      if (filled < piece.byteLength) continue
      yield piece
      piece = new Uint8Array(Math.min(pieceBytes, sizeBytes - total + chunk.byteLength))
      filled = 0
      if (piece.byteLength === 0) break
    }
  }
  if (total !== sizeBytes) {
    throw new MindtraceError(
      'CONFLICT',
      `the source had ${sizeBytes} bytes when the upload began and has others now; begin again`,
    )
  }
  if (sizeBytes === 0) yield piece
}
