import { bytesOf } from '@mindtrace/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { piecesOf, sourceOf, type UploadSource } from './upload-source.ts'

/** A source whose bytes come in the given chunks. */
function chunked(chunks: readonly Uint8Array[], sizeBytes: number): UploadSource {
  return {
    sizeBytes,
    name: undefined,
    blob: () => new Blob([]),
    open: () =>
      new ReadableStream({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk)
          controller.close()
        },
      }),
  }
}

async function collect(source: UploadSource, pieceBytes: number): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of piecesOf(source, pieceBytes, {})) pieces.push(piece)
  return pieces
}

test('pieces hold the bytes in order, all of one size but the last', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 30 }), async (given, pieceBytes) => {
      const whole = Buffer.concat(given)
      const pieces = await collect(chunked(given, whole.length), pieceBytes)
      expect(Buffer.concat(pieces)).toEqual(whole)
      expect(pieces).toHaveLength(Math.max(1, Math.ceil(whole.length / pieceBytes)))
      for (const piece of pieces.slice(0, -1)) expect(piece.byteLength).toBe(pieceBytes)
    }),
  )
})

test.each([-3, -1, 1, 3])(
  'a source that has %i bytes more than it said is told of',
  async (more) => {
    const source = chunked([new Uint8Array(10)], 10 - more)
    await expect(collect(source, 4)).rejects.toMatchObject({ code: 'CONFLICT' })
  },
)

test('a path is a file, and nothing else', async () => {
  const source = await sourceOf(import.meta.filename)
  expect(source.name).toBe('upload-source.test.ts')
  const bytes = await bytesOf(await source.open(), 1_000_000)
  expect(bytes.byteLength).toBe(source.sizeBytes)
  await expect(sourceOf('/no/such/file')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(sourceOf(import.meta.dirname)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  expect((await sourceOf(new File(['abc'], 'a.txt'))).name).toBe('a.txt')
})
