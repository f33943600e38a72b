import { randomBytes } from 'node:crypto'
import type { Lake } from '@mindtrace/contract'
import { type ByteStream, MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, recordingLog, testApp } from './testing/test-app.ts'

const storage_ref = { mount: 'main', name: 'a "b"', version: '1.0.0', qualified_key: 'k' }
const large = 3 * 1024 * 1024

/** A lake whose one object has these bytes, given in pieces of that length, and then the error. */
function lakeOf(bytes: Uint8Array, pieceBytes: number, error?: Error) {
  const state = { sent: 0 }
  const body = (): ByteStream => {
    let at = 0
    return new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (at < bytes.byteLength) controller.enqueue(bytes.subarray(at, at + pieceBytes))
          else if (error === undefined) controller.close()
          else controller.error(error)
          at += pieceBytes
          state.sent = Math.min(at, bytes.byteLength)
        },
      },
      { highWaterMark: 0 },
    )
  }
  const call = (async (_name, _input, options = {}) => {
    options.takePayload?.({ body: body(), sizeBytes: bytes.byteLength })
    return { storage_ref, data_base64: '' }
  }) as Lake['call']
  return { lake: { ...fakeLake({}), call }, state }
}

test.each([
  ...[0, 1, 2, 3, 4, 1024].map((size) => [size, 1000] as const),
  ...[large, large + 1, large + 2].flatMap((size) => [
    [size, 65_536] as const,
    [size, 100_001] as const,
  ]),
])('a payload of %i bytes in pieces of %i comes as base64', async (size, pieceBytes) => {
  const bytes = randomBytes(size)
  const app = testApp(lakeOf(bytes, pieceBytes).lake)
  const answer = await post(app, '/objects.get', { storage_ref })
  expect(answer.headers.get('content-type')).toBe('application/json')
  const text = await answer.text()
  if (size > 1024) expect(answer.headers.get('content-length')).toBe(String(text.length))
  expect(JSON.parse(text)).toEqual({ storage_ref, data_base64: bytes.toString('base64') })
})

test('is read no faster than it is taken', async () => {
  const { lake, state } = lakeOf(randomBytes(large), 65_536)
  const answer = await post(testApp(lake), '/objects.get', { storage_ref })
  const reader = answer.body?.getReader()
  await reader?.read()
  await reader?.read()
  expect(state.sent).toBeLessThanOrEqual(2 * 65_536)
  await reader?.cancel()
})

test('what is wrong with a small payload is the error of the task', async () => {
  const broken = new MindtraceError('PAYLOAD_UNAVAILABLE', 'it does not match its hash')
  const { lake } = lakeOf(randomBytes(1000), 100, broken)
  await expect(clientOf(testApp(lake)).objects.get({ storage_ref })).rejects.toMatchObject({
    code: 'PAYLOAD_UNAVAILABLE',
  })
})

test('where a large payload breaks, the connection does', async () => {
  const log = recordingLog()
  const { lake } = lakeOf(randomBytes(large), 65_536, new Error('the disk is gone'))
  await using service = await startService({ app: testApp(lake, { log }), port: 0 })
  const answer = await fetch(`${service.address}/objects.get`, {
    method: 'POST',
    body: JSON.stringify({ storage_ref }),
  })
  await expect(answer.text()).rejects.toThrow()
  expect(log.lines.map(({ message }) => message)).toContain('a payload broke off while it was sent')
})
