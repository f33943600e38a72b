import type { Lake, TaskInput } from '@mindtrace/contract'
import { type Bytes, bytesOf, streamOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { expect, it } from 'vitest'
import { bytes } from '../builders.ts'
import { codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'
import { movableClock, textOf, ticketOf } from './uploads.ts'

/** Bytes that differ everywhere, so that none can take another's place. */
function someBytes(size: number): Bytes {
  const made = new Uint8Array(size)
  const words = new Uint32Array(made.buffer, 0, Math.floor(size / 4))
  for (let at = 0; at < words.length; at += 1) words[at] = Math.imul(at, 2_654_435_761)
  return made
}

async function begin(
  lake: Lake,
  size_bytes: number,
  more: Partial<TaskInput<'uploads.begin'>> = {},
) {
  const input = { name: 'clip', through_lake: true, size_bytes, ...more }
  const { session } = await lake.uploads.begin(input)
  return ticketOf(session as NonNullable<typeof session>)
}

async function statusOf(lake: Lake, ticket: Awaited<ReturnType<typeof begin>>) {
  return (await lake.uploads.get(ticket)).session.status
}

/** Uploads whose bytes come through the lake, in order, by as many requests as it takes. */
export function describeAppendedUploads(inLake: InLake): void {
  it(
    'become an object with their last byte',
    inLake(async (lake) => {
      const ticket = await begin(lake, 11, { content_type: 'text/plain', metadata: { k: 'v' } })
      const { streams, uploads } = lake
      const at = async () => (await uploads.progress(ticket)).offset
      expect(await at()).toBe(0)
      expect(await streams.appendUpload(ticket, 0, bytes('hello'))).toEqual({ offset: 5 })
      expect(await at()).toBe(5)
      expect(await streams.appendUpload(ticket, 5, streamOf(bytes(' wor')))).toEqual({ offset: 9 })
      expect(await statusOf(lake, ticket)).toBe('pending')
      expect(await streams.appendUpload(ticket, 9, bytes('ld'))).toEqual({ offset: 11 })
      expect(await uploads.progress(ticket)).toMatchObject({
        offset: 11,
        size_bytes: 11,
        session: { status: 'completed', resolved_version: '1.0.0' },
      })
      expect(await textOf(lake)).toBe('hello world')
      const storage_ref = { mount: 'main', name: 'clip', version: null }
      expect(JSON.stringify(await lake.objects.head({ storage_ref }))).toContain('"k":"v"')
      expect(await codeOf(() => streams.appendUpload(ticket, 11, bytes('x')))).toBe('CONFLICT')
    }),
  )

  it(
    'may be large, in pieces of any size, and are compared with their hash',
    inLake(async (lake) => {
      const whole = someBytes(20 * 1024 * 1024 + 12_345)
      const ticket = await begin(lake, whole.byteLength, { sha256: sha256Hex(whole) })
      let offset = 0
      for (const size of [1, 5_000_000, 3_388_606, 2, 9_000_000, 1_000, whole.byteLength]) {
        const piece = whole.subarray(offset, offset + size)
        const appended = await lake.streams.appendUpload(ticket, offset, streamOf(piece))
        offset = Math.min(offset + size, whole.byteLength)
        expect(appended).toEqual({ offset })
        expect((await lake.uploads.progress(ticket)).offset).toBe(offset)
      }
      expect(await statusOf(lake, ticket)).toBe('completed')
      const { body } = await lake.streams.readObject({ mount: 'main', name: 'clip' })
      expect(sha256Hex(await bytesOf(body, 30_000_000))).toBe(sha256Hex(whole))
      const other = await begin(lake, 3, { sha256: sha256Hex(bytes('abc')) })
      expect(await codeOf(() => lake.streams.appendUpload(other, 0, bytes('abd')))).toBe(
        'INVALID_INPUT',
      )
    }),
  )

  it(
    'keep what came before a body broke off',
    inLake(async (lake) => {
      const whole = someBytes(10_000_000)
      const ticket = await begin(lake, whole.byteLength)
      let sent = 0
      const breaking = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (sent >= 9_000_000) return controller.error(new Error('the line was cut'))
            controller.enqueue(whole.slice(sent, sent + 100_000))
            sent += 100_000
          },
        },
        { highWaterMark: 0 },
      )
      await expect(lake.streams.appendUpload(ticket, 0, breaking)).rejects.toThrow()
      // Over a socket, what was on its way may be lost.
      let { offset } = await lake.uploads.progress(ticket)
      for (let tries = 0; offset === 0 && tries < 500; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        ;({ offset } = await lake.uploads.progress(ticket))
      }
      expect(offset).toBeGreaterThan(0)
      expect(offset).toBeLessThanOrEqual(9_000_000)
      // A request that goes on takes the place of one that nobody waits for any more.
      for (let tries = 0; tries < 500 && offset < whole.byteLength; tries += 1) {
        ;({ offset } = await lake.uploads.progress(ticket))
        const rest = whole.slice(offset)
        await lake.streams.appendUpload(ticket, offset, rest).then(
          (appended) => {
            offset = appended.offset
          },
          () => {},
        )
      }
      expect(await statusOf(lake, ticket)).toBe('completed')
      const { body } = await lake.streams.readObject({ mount: 'main', name: 'clip' })
      expect(sha256Hex(await bytesOf(body, 30_000_000))).toBe(sha256Hex(whole))
    }),
  )

  it(
    'of nothing are an object of nothing',
    inLake(async (lake) => {
      const ticket = await begin(lake, 0)
      expect(await lake.streams.appendUpload(ticket, 0, new Uint8Array(0))).toEqual({ offset: 0 })
      expect(await statusOf(lake, ticket)).toBe('completed')
      expect(await textOf(lake)).toBe('')
    }),
  )

  it(
    'are refused with the reason, and keep what they have',
    inLake(async (lake) => {
      const ticket = await begin(lake, 6)
      const append =
        (offset: number, text: string, as = ticket) =>
        () =>
          lake.streams.appendUpload(as, offset, bytes(text))
      await append(0, 'abc')()
      const direct = await lake.objects.uploadSession.create({ name: 'other' })
      await expectRefusals([
        ['CONFLICT', append(0, 'abc')],
        ['CONFLICT', append(4, 'c')],
        ['TOO_LARGE', append(3, 'defg')],
        ['FORBIDDEN', append(3, 'def', { ...ticket, finalize_token: 'another' })],
        ['NOT_FOUND', append(3, 'def', { ...ticket, upload_session_id: 'upload_session_0' })],
        ['CONFLICT', append(0, 'abc', ticketOf(direct))],
        ['CONFLICT', () => lake.uploads.progress(ticketOf(direct))],
        ['INVALID_INPUT', () => lake.uploads.begin({ name: 'clip', through_lake: true })],
      ])
      await expect(append(1, 'x')()).rejects.toMatchObject({ details: { arrived: 3 } })
      expect((await lake.uploads.progress(ticket)).offset).toBe(3)
      await append(3, 'def')()
      expect(await textOf(lake)).toBe('abcdef')
    }),
  )

  it('are over when they were given up, or when their time is over', async () => {
    const clock = movableClock()
    await inLake(
      async (lake) => {
        const given = await begin(lake, 6)
        await lake.streams.appendUpload(given, 0, bytes('abc'))
        expect((await lake.uploads.abort(given)).session.status).toBe('failed')
        const late = await begin(lake, 6, { name: 'late', expires_in_minutes: 10 })
        await lake.streams.appendUpload(late, 0, bytes('abc'))
        clock.goOn(11)
        const over = { code: 'CONFLICT', details: { is_over: true } }
        for (const ticket of [given, late]) {
          const append = lake.streams.appendUpload(ticket, 3, bytes('def'))
          await expect(append).rejects.toMatchObject(over)
        }
        expect(await lake.uploads.reconcile({})).toMatchObject({ expired: 1, failed: 0 })
        expect(await statusOf(lake, late)).toBe('expired')
      },
      { clock },
    )()
  })
}
