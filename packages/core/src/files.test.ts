import { openSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { filePartStream, fileStream } from './files.ts'
import { lentChunksOf } from './lent-chunks.ts'
import { bytesOf } from './streams.ts'

const bytes = new Uint8Array(3 * 1024 * 1024 + 17).map((_, index) => (index * 7) % 251)
let folder = ''
let path = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'))
  path = join(folder, 'bytes')
  await writeFile(path, bytes)
})

afterAll(() => rm(folder, { recursive: true }))

it('gives a file to readers with memory of their own and without', async () => {
  expect(Buffer.compare(await bytesOf(fileStream(path), 1e9), bytes)).toBe(0)
  const chunks: Uint8Array[] = []
  for await (const chunk of lentChunksOf(fileStream(path))) chunks.push(chunk.slice())
  expect(Buffer.compare(Buffer.concat(chunks), bytes)).toBe(0)
  expect(openedBy(path)).toBe(0)
})

it('gives a part of an open file, and changes its reader on the way', async () => {
  const stream = filePartStream({ fd: openSync(path, 'r'), start: 1000, end: 2_500_000 })
  const plain = stream.getReader()
  const first = (await plain.read()).value ?? new Uint8Array()
  plain.releaseLock()
  const chunks = [first]
  for await (const chunk of lentChunksOf(stream)) chunks.push(chunk.slice())
  expect(Buffer.compare(Buffer.concat(chunks), bytes.subarray(1000, 2_500_000))).toBe(0)
  expect(openedBy(path)).toBe(0)
})

it('an empty file is an empty stream, one that became shorter ends before', async () => {
  const empty = join(folder, 'empty')
  await writeFile(empty, '')
  expect(await bytesOf(fileStream(empty), 10)).toEqual(new Uint8Array())
  const shrinking = join(folder, 'shrinking')
  await writeFile(shrinking, bytes)
  const stream = filePartStream({ fd: openSync(shrinking, 'r'), start: 0, end: bytes.byteLength })
  await truncate(shrinking, 100_000)
  expect((await bytesOf(stream, 1e9)).byteLength).toBe(100_000)
})

it('a file that is not there fails the first read, by the error that was asked for', async () => {
  const gone = join(folder, 'gone')
  await expect(bytesOf(fileStream(gone), 10)).rejects.toMatchObject({ code: 'ENOENT' })
  const failure = (cause: unknown) => new Error('no such payload', { cause })
  await expect(bytesOf(fileStream(gone, { failure }), 10)).rejects.toThrow('no such payload')
})

it('a cancel and an abort close the file', async () => {
  const left = fileStream(path).getReader()
  await left.read()
  expect(openedBy(path)).toBe(1)
  await left.cancel()
  const abort = new AbortController()
  const stopped = fileStream(path, { signal: abort.signal }).getReader()
  await stopped.read()
  abort.abort(new Error('enough'))
  await expect(stopped.read()).rejects.toThrow('enough')
  await fileStream(path).cancel()
  expect(openedBy(path)).toBe(0)
})

/** How often this process has a file open. */
function openedBy(wanted: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === wanted
    } catch {
      return false // the one that lists
    }
  }).length
}
