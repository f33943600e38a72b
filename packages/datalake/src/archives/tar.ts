import { type ByteStream, type CallOptions, chunksOf, MindtraceError } from '@mindtrace/core'
import { createTarPacker, type TarPackController } from 'modern-tar'

/** A file of an archive. */
export interface TarFile {
  /** With `/`; never absolute, without `..`. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
  /** Exactly so many bytes, or the archive fails. It is read when it is its turn, or cancelled. */
  readonly body: Uint8Array | ByteStream
}

/**
 * Files as one POSIX tar archive, in their order, with nothing in it of this machine or of the time. It is made no faster
 * than it is read; when it is cancelled, so is the body at hand.
 */
export function tarOf(files: AsyncIterable<TarFile>, options: CallOptions = {}): ByteStream {
  const { readable, controller } = createTarPacker()
  const reader = readable.getReader()
  let packing: Promise<void> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(output) {
        packing ??= pack(files, controller, options)
        const next = await reader.read()
        if (next.done) output.close()
        else output.enqueue(next.value)
      },
      async cancel(reason) {
        await reader.cancel(reason)
        await packing
      },
    },
    { highWaterMark: 0 },
  )
}

async function pack(
  files: AsyncIterable<TarFile>,
  controller: TarPackController,
  { signal }: CallOptions,
): Promise<void> {
  try {
    for await (const file of files) {
      const { path, sizeBytes, modifiedAt, body } = file
      const entry = { name: path, size: sizeBytes, mtime: modifiedAt, type: 'file', mode: 0o644 }
      const writer = controller.add({ ...entry, type: 'file' }).getWriter()
      // What ends the archive is told once, by its stream.
      writer.closed.catch(() => {})
      let written = 0
      const chunks = body instanceof Uint8Array ? [body] : chunksOf(body, { signal })
      for await (const chunk of chunks) {
        written += chunk.byteLength
        if (written > sizeBytes) throw wrongSize(path, sizeBytes, `more than ${sizeBytes}`)
        await writer.write(chunk)
      }
      if (written < sizeBytes) throw wrongSize(path, sizeBytes, String(written))
      await writer.close()
    }
    controller.finalize()
  } catch (error) {
    controller.error(error)
  }
}

function wrongSize(path: string, expected: number, actual: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `${path} should have ${expected} bytes and its payload gave ${actual}; verify the lake`,
    { details: { path, expected } },
  )
}
