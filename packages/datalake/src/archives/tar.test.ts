import { execFileSync } from 'node:child_process'
import { bytesOf, lentChunksOf, MindtraceError, streamOfLent } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { extensionOf, safePart } from './archive-names.ts'
import { openedAhead } from './opened-ahead.ts'
import { type TarFile, tarOf } from './tar.ts'

const modifiedAt = new Date('2026-01-02T03:04:05.678Z')

function aFile(path: string, body: TarFile['body'], sizeBytes = (body as Uint8Array).byteLength) {
  return { path, sizeBytes, modifiedAt, body }
}

async function* each(...files: TarFile[]) {
  yield* files
}

/** A stream of so many chunks of 64 KiB that remembers what became of it. */
function chunks(count: number, after?: Error) {
  const state = { pulled: 0, isCancelled: false }
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (state.pulled === count) {
          if (after === undefined) controller.close()
          else controller.error(after)
          return
        }
        state.pulled += 1
        controller.enqueue(new Uint8Array(65_536))
      },
      cancel() {
        state.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { state, stream }
}

test('GNU tar reads it: long names, names beyond ASCII, empty and large files', async () => {
  await using folder = await temporaryFolder()
  const long = `${'folder/'.repeat(60)}${'ü'.repeat(120)}`
  const { stream } = chunks(100)
  const text = new TextEncoder().encode('hello')
  const files = each(
    aFile('plain', text),
    aFile('größe.txt', text),
    aFile(long, text),
    aFile('empty', new Uint8Array(0)),
    aFile('large', stream, 6_553_600),
  )
  const archive = await bytesOf(tarOf(files), 16_000_000)
  const tar = (...args: string[]) =>
    execFileSync('tar', ['-f', '-', ...args], {
      cwd: folder.path,
      input: archive,
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      maxBuffer: 16_000_000,
    })
  const listed = tar('--quoting-style=literal', '-t').toString().trimEnd().split('\n')
  expect(listed).toEqual(['plain', 'größe.txt', long, 'empty', 'large'])
  expect(tar('-xO', long).toString()).toBe('hello')
  expect(tar('-xO', 'large').byteLength).toBe(6_553_600)
  expect(tar('--full-time', '-tv', 'plain').toString()).toMatch(
    /^-rw-r--r-- 0\/0 +5 2026-01-02 03:04:05 plain/,
  )
})

test('thousands of empty files are no trouble, and lent memory is used again', async () => {
  async function* files() {
    for (let index = 0; index < 20_000; index += 1) {
      yield aFile(`empty/${index}`, new Uint8Array(0))
    }
    yield aFile('large', lentOf(50), 50 * 65_536)
  }
  let size = 0
  const sums = new Map<number, number>()
  for await (const chunk of lentChunksOf(tarOf(files()))) {
    size += chunk.byteLength
    for (const byte of chunk) sums.set(byte, (sums.get(byte) ?? 0) + 1)
  }
  expect(size).toBe(20_001 * 512 + 50 * 65_536 + 1024)
  for (let place = 200; place < 250; place += 1) expect(sums.get(place)).toBe(65_536)
})

/** So many chunks of 64 KiB of one byte each (200, 201, …), into the memory of its reader. */
function lentOf(count: number): ReadableStream<Uint8Array> {
  async function* chunks() {
    const chunk = new Uint8Array(65_536)
    for (let index = 0; index < count; index += 1) yield chunk.fill(200 + index)
  }
  return streamOfLent(chunks())
}

test('is made no faster than it is read, and cancels the file at hand', async () => {
  const { state, stream } = chunks(10_000)
  let isLeft = false
  async function* files() {
    try {
      yield aFile('endless', stream, 65_536 * 10_000)
    } finally {
      isLeft = true
    }
  }
  const reader = tarOf(files()).getReader()
  expect(state.pulled).toBe(0)
  for (let reads = 0; reads < 20; reads += 1) await reader.read()
  expect(state.pulled).toBeLessThan(30)
  await reader.cancel()
  expect([state.isCancelled, isLeft]).toEqual([true, true])
})

test.each([
  [
    'its payload fails',
    chunks(2, new MindtraceError('CORRUPT', 'another hash')),
    3,
    'another hash',
  ],
  ['its payload is short', chunks(2), 3, 'should have 196608 bytes'],
  ['its payload is long', chunks(4), 3, 'more than 196608'],
])('fails, and does not end, when %s', async (_what, { stream }, parts, message) => {
  const file = aFile('payload', stream, parts * 65_536)
  const reading = bytesOf(tarOf(each(aFile('first', new Uint8Array(10)), file)), 16_000_000)
  await expect(reading).rejects.toMatchObject({
    code: 'CORRUPT',
    message: expect.stringContaining(message),
  })
})

test('files are opened some ahead, in their order, and closed when nobody wants them', async () => {
  const opened: number[] = []
  const states: { isCancelled: boolean }[] = []
  async function* plan() {
    for (let index = 0; index < 10; index += 1) {
      yield async () => {
        opened.push(index)
        const { state, stream } = chunks(1)
        states.push(state)
        if (index === 6) throw new MindtraceError('NOT_FOUND', 'six')
        return aFile(String(index), stream, 65_536)
      }
    }
  }
  const seen: string[] = []
  const read = async () => {
    for await (const file of openedAhead(plan())) {
      seen.push(file.path)
      await bytesOf(file.body as ReadableStream<Uint8Array>, 100_000)
      expect(opened.length).toBeLessThanOrEqual(seen.length + 3)
    }
  }
  await expect(read()).rejects.toThrow('six')
  expect(seen).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(opened).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, opened.length))
  expect(states.slice(7).every(({ isCancelled }) => isCancelled)).toBe(true)
})

test.each([
  ['image/jpeg', 'x', '.jpg'],
  ['image/jpeg; q=1', 'x.jpeg', '.jpg'],
  ['application/octet-stream', 'a/b.NPY', '.npy'],
  ['application/octet-stream', 'a.b/c', '.bin'],
  ['constructor', 'x', '.bin'],
  ['model/gltf', 'x.gltf', '.gltf'],
])('a payload of type %s named %s ends in %s', (type, name, extension) => {
  expect(extensionOf(type, name)).toBe(extension)
})

test.each([
  ['asset_1', 'asset_1'],
  ['..', '%2E%2E'],
  ['a/b', 'a%2Fb'],
  ['a.b@1', 'a.b@1'],
  ['.hidden', '%2Ehidden'],
  ['\0', '%00'],
  ["it's", 'it%27s'],
  ['', '%'],
])('the name %j is the part %s of a path', (name, part) => {
  expect(safePart(name)).toBe(part)
})
