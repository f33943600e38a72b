import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Lake, ObjectUploadSessionOutput, TaskInput } from '@mindtrace/contract'
import { bytesOf, type Clock, toInstant } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { describe, expect, it } from 'vitest'
import { bytes } from '../builders.ts'
import { atOnce, codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'

type Session = ObjectUploadSessionOutput

/** A clock that a test moves on by hand. */
export interface MovableClock extends Clock {
  readonly goOn: (minutes: number) => void
}

/** It begins now, since signed requests are good from now on. */
export function movableClock(): MovableClock {
  let passedMs = 0
  return {
    now: () => toInstant(new Date(Date.now() + passedMs)),
    goOn: (minutes) => {
      passedMs += minutes * 60_000
    },
  }
}

/** Opens a session for the object `clip`. */
export function begin(
  lake: Lake,
  input: Partial<TaskInput<'objects.upload_session.create'>> = {},
): Promise<Session> {
  return lake.objects.uploadSession.create({ name: 'clip', ...input })
}

/** Brings bytes the way that a session says. */
export async function bring(session: Session, text: string): Promise<void> {
  if (session.upload_path !== null) {
    await mkdir(dirname(session.upload_path), { recursive: true })
    return await writeFile(session.upload_path, text)
  }
  await send(session.upload_url as string, session.upload_headers, text)
}

async function send(url: string, headers: Record<string, string>, text: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers, body: bytes(text) })
  expect(response.status, await response.text()).toBe(200)
}

/** The ticket of a session. */
export function ticketOf({ upload_session_id, finalize_token }: Session) {
  return { upload_session_id, finalize_token }
}

/** Completes a session by the reference's task. */
export function complete(lake: Lake, session: Session, metadata?: Record<string, unknown>) {
  return lake.objects.uploadSession.complete({ ...ticketOf(session), metadata })
}

/** The text of an object, of its latest version unless another is named. */
export async function textOf(lake: Lake, version: string | null = null, name = 'clip') {
  const { body } = await lake.streams.readObject({ mount: 'main', name, version })
  return new TextDecoder().decode(await bytesOf(body, 100_000_000))
}

async function versionsOf(lake: Lake, name = 'clip'): Promise<string[]> {
  const storage_ref = { mount: 'main', name, version: null }
  return Object.keys((await lake.objects.head({ storage_ref })).metadata)
}

/** Uploads that pass the lake by, where its mounts take some. */
export function describeUploads(open: InLake): void {
  // A mount in an object store makes its bucket with its first write.
  const inLake: InLake = (test, wishes) =>
    open(async (lake) => {
      await lake.streams.writeObject({ mount: null, name: 'first' }, bytes('first'))
      await test(lake)
    }, wishes)
  describeSessions(inLake)
  describe('declared sizes and hashes', () => describeDeclared(inLake))
  describe('ends of sessions', () => describeEnds(inLake))
  describe('parts', () => describeParts(inLake))
}

/** What a lake says whose mounts take no uploads. */
export function describeNoUploads(inLake: InLake): void {
  it(
    'are refused, and their beginning says to stream',
    inLake(async (lake) => {
      await expectRefusals([
        ['NOT_IMPLEMENTED', () => begin(lake)],
        ['NOT_FOUND', () => begin(lake, { mount: 'nowhere' })],
        ['INVALID_INPUT', () => begin(lake, { name: '' })],
      ])
      const none = { session: null, part_limits: null }
      expect(await lake.uploads.begin({ name: 'clip', local_path: true })).toEqual(none)
      expect(await lake.uploads.begin({ name: 'clip' })).toEqual(none)
      expect(await lake.uploads.reconcile({})).toMatchObject({ failed: 0 })
    }),
  )
}

function describeSessions(inLake: InLake): void {
  it(
    'become an object when they are completed, and are complete ever after',
    inLake(async (lake) => {
      const session = await begin(lake, {
        content_type: 'text/plain',
        metadata: { k: 'v', both: 1 },
        created_by: 'me',
        expires_in_minutes: 30,
      })
      expect(session).toMatchObject({
        upload_session_id: expect.stringMatching(/^upload_session_[0-9a-f]{32}$/),
        finalize_token: expect.stringMatching(/^[0-9a-f]{32}$/),
        name: 'clip',
        mount: 'main',
        requested_version: null,
        resolved_version: null,
        content_type: 'text/plain',
        status: 'pending',
        storage_ref: null,
        failure_reason: null,
        verification_attempts: 0,
        last_verified_at: null,
        completed_at: null,
        cleanup_completed_at: null,
      })
      if (session.upload_method === 'local_path') {
        const end = `/_direct_uploads/${session.upload_session_id}/data.txt`
        expect(session.upload_path?.endsWith(end)).toBe(true)
        expect(session).toMatchObject({ upload_url: null, upload_headers: {} })
      } else {
        expect(session.upload_method).toBe('presigned_url')
        expect(session.upload_path).toBeNull()
        expect(session.upload_headers).toMatchObject({ 'Content-Type': 'text/plain' })
      }
      expect(await codeOf(() => complete(lake, session))).toBe('CONFLICT')
      await bring(session, 'hello')
      expect(await codeOf(() => textOf(lake))).toBe('NOT_FOUND')
      const completed = await complete(lake, session, { both: 2, extra: true })
      expect(completed).toMatchObject({
        ...session,
        resolved_version: '1.0.0',
        status: 'completed',
        storage_ref: { mount: 'main', name: 'clip', version: '1.0.0' },
        verification_attempts: 2,
        last_verified_at: expect.any(String),
        completed_at: expect.any(String),
        cleanup_completed_at: expect.any(String),
      })
      expect(await textOf(lake)).toBe('hello')
      const storage_ref = { mount: 'main', name: 'clip', version: '1.0.0' }
      const { metadata } = await lake.objects.head({ storage_ref })
      expect(metadata.metadata).toEqual({ k: 'v', both: 2, extra: true })
      const read = await lake.streams.readObject(storage_ref)
      expect(read.mediaType).toBe('text/plain')
      await read.body.cancel()
      expect(await complete(lake, session)).toEqual(completed)
      expect(await versionsOf(lake)).toEqual(['1.0.0'])
      if (session.upload_path !== null) expect(existsSync(dirname(session.upload_path))).toBe(false)
      const { asset } = await lake.assets.createFromUploadedObject({
        kind: 'document',
        media_type: 'text/plain',
        storage_ref: completed.storage_ref ?? storage_ref,
      })
      expect((await lake.streams.readAsset(asset.asset_id)).sizeBytes).toBe(5)
    }),
  )

  it(
    'are refused with the reason before any byte travels',
    inLake(async (lake) => {
      const session = await begin(lake)
      const { upload_session_id, finalize_token } = session
      const completing = (ticket: object) => () =>
        lake.objects.uploadSession.complete({ upload_session_id, finalize_token, ...ticket })
      await expectRefusals([
        ['NOT_FOUND', () => begin(lake, { mount: 'nowhere' })],
        ['INVALID_INPUT', () => begin(lake, { name: '' })],
        ['INVALID_INPUT', () => begin(lake, { name: 'a/../b' })],
        ['INVALID_INPUT', () => begin(lake, { name: 'a@1' })],
        ['INVALID_INPUT', () => begin(lake, { expires_in_minutes: 0 })],
        ['INVALID_INPUT', () => begin(lake, { expires_in_minutes: -5 })],
        ['INVALID_INPUT', () => begin(lake, { expires_in_minutes: Number.MAX_SAFE_INTEGER })],
        ['INVALID_INPUT', () => begin(lake, { on_conflict: 'bogus' })],
        ['INVALID_INPUT', () => begin(lake, { version: 'latest' })],
        ['INVALID_INPUT', () => begin(lake, { version: 'not-a-version' })],
        ['INVALID_INPUT', () => begin(lake, { content_type: 'text/plain\r\nx: y' })],
        ['NOT_FOUND', completing({ upload_session_id: 'upload_session_0' })],
        ['FORBIDDEN', completing({ finalize_token: 'wrong' })],
        ['FORBIDDEN', completing({ finalize_token: '' })],
        ['FORBIDDEN', () => lake.uploads.abort({ upload_session_id, finalize_token: 'wrong' })],
        ['CONFLICT', completing({})],
      ])
    }),
  )

  it(
    'become the version that was asked for, the next, or none',
    inLake(async (lake) => {
      const upload = async (text: string, input: Parameters<typeof begin>[1] = {}) => {
        const session = await begin(lake, input)
        await bring(session, text)
        return { session, completed: await complete(lake, session) }
      }
      expect((await upload('one')).completed.resolved_version).toBe('1.0.0')
      expect((await upload('two')).completed.resolved_version).toBe('1.0.1')
      expect((await upload('three', { version: '3' })).completed).toMatchObject({
        requested_version: '3',
        resolved_version: '3.0.0',
      })
      await upload('four', { version: '3.0.0' })
      expect(await textOf(lake, '3.0.0')).toBe('four')
      const kept = await begin(lake, { version: '3.0.0', on_conflict: 'skip' })
      await bring(kept, 'five')
      await expectRefusals([
        ['DUPLICATE', () => complete(lake, kept)],
        ['CONFLICT', () => complete(lake, kept)],
      ])
      const { session } = await lake.uploads.get(ticketOf(kept))
      expect(session).toMatchObject({
        status: 'failed',
        failure_reason: expect.stringContaining('exists'),
        cleanup_completed_at: expect.any(String),
      })
      if (kept.upload_path !== null) expect(existsSync(kept.upload_path)).toBe(false)
      expect(await textOf(lake, '3.0.0')).toBe('four')
      expect(await versionsOf(lake)).toEqual(['1.0.0', '1.0.1', '3.0.0'])
    }),
  )

  it(
    'become one object however many complete them at once',
    inLake(async (lake) => {
      const session = await begin(lake)
      await bring(session, 'hello')
      const { values, codes } = await atOnce(20, () => complete(lake, session))
      expect(codes).toEqual([])
      expect(new Set(values.map((value) => value.completed_at)).size).toBe(1)
      expect(await versionsOf(lake)).toEqual(['1.0.0'])
    }),
  )

  it(
    'of one name at once get a version each',
    inLake(async (lake) => {
      const { values } = await atOnce(8, async (index) => {
        const session = await begin(lake)
        await bring(session, `take ${index}`)
        const { resolved_version } = await complete(lake, session)
        return { index, resolved_version }
      })
      expect(new Set(values.map((value) => value.resolved_version)).size).toBe(8)
      for (const { index, resolved_version } of values) {
        expect(await textOf(lake, resolved_version)).toBe(`take ${index}`)
      }
    }),
  )
}

function describeDeclared(inLake: InLake): void {
  it(
    'are compared, and other bytes are not stored but may be sent again',
    inLake(async (lake) => {
      const { session } = await lake.uploads.begin({
        name: 'clip',
        local_path: true,
        size_bytes: 5,
        sha256: sha256Hex('hello'),
      })
      const opened = session as Session
      await bring(opened, 'hell')
      expect(await codeOf(() => complete(lake, opened))).toBe('INVALID_INPUT')
      await bring(opened, 'jello')
      expect(await codeOf(() => complete(lake, opened))).toBe('INVALID_INPUT')
      expect(await versionsOf(lake)).toEqual([])
      expect(await lake.uploads.get(ticketOf(opened))).toMatchObject({
        session: { status: 'pending', failure_reason: expect.stringContaining('SHA-256') },
        size_bytes: 5,
        sha256: sha256Hex('hello'),
      })
      await bring(opened, 'hello')
      expect(await complete(lake, opened)).toMatchObject({
        status: 'completed',
        failure_reason: null,
      })
      expect(await textOf(lake)).toBe('hello')
    }),
  )

  it(
    'may come with the completion',
    inLake(async (lake) => {
      const session = await begin(lake)
      await bring(session, 'hello')
      const completing = (declared: object) =>
        lake.uploads.complete({ ...ticketOf(session), ...declared })
      expect(await codeOf(() => completing({ size_bytes: 4 }))).toBe('INVALID_INPUT')
      expect(await codeOf(() => completing({ sha256: sha256Hex('other') }))).toBe('INVALID_INPUT')
      const { session: completed } = await completing({ size_bytes: 5, sha256: sha256Hex('hello') })
      expect(completed.status).toBe('completed')
    }),
  )
}

function describeEnds(inLake: InLake): void {
  it(
    'given up leaves nothing and can not be completed',
    inLake(async (lake) => {
      const session = await begin(lake)
      await bring(session, 'hello')
      const aborted = await lake.uploads.abort(ticketOf(session))
      expect(aborted.session).toMatchObject({
        status: 'failed',
        cleanup_completed_at: expect.any(String),
      })
      expect(await codeOf(() => complete(lake, session))).toBe('CONFLICT')
      expect(await lake.uploads.abort(ticketOf(session))).toEqual(aborted)
      expect(await versionsOf(lake)).toEqual([])
      const done = await begin(lake)
      await bring(done, 'x')
      await complete(lake, done)
      expect(await codeOf(() => lake.uploads.abort(ticketOf(done)))).toBe('CONFLICT')
    }),
  )

  const clock = movableClock()
  it(
    'in time is never an object that nobody confirmed, even with its bytes there',
    inLake(
      async (lake) => {
        const arrived = await begin(lake, { expires_in_minutes: 5 })
        await bring(arrived, 'hello')
        const empty = await begin(lake, { expires_in_minutes: 5 })
        const living = await begin(lake, { expires_in_minutes: 50_000, mount: 'main' }).catch(() =>
          begin(lake, { expires_in_minutes: 10_000 }),
        )
        await bring(living, 'living')
        const nothing = { expired: 0, completed: 0, discarded: 0, failed: 0 }
        expect(await lake.uploads.reconcile({})).toEqual(nothing)
        clock.goOn(6)
        const counts = await lake.uploads.reconcile({})
        expect(counts).toEqual({ ...nothing, expired: 2, discarded: 2 })
        for (const session of [arrived, empty]) {
          expect((await lake.uploads.get(ticketOf(session))).session).toMatchObject({
            status: 'expired',
            failure_reason: 'Upload did not complete before expiry.',
            cleanup_completed_at: expect.any(String),
          })
          expect(await codeOf(() => complete(lake, session))).toBe('CONFLICT')
          if (session.upload_path !== null) {
            expect(existsSync(dirname(session.upload_path))).toBe(false)
          }
        }
        expect(await versionsOf(lake)).toEqual([])
        expect(await lake.uploads.reconcile({})).toEqual(nothing)
        if (arrived.upload_path !== null) {
          await bring(arrived, 'too late')
          clock.goOn(25 * 60)
          expect(await lake.uploads.reconcile({})).toMatchObject({ discarded: 2, failed: 0 })
          expect(existsSync(dirname(arrived.upload_path))).toBe(false)
        }
        expect((await complete(lake, living)).status).toBe('completed')
        expect(await textOf(lake)).toBe('living')
      },
      { clock },
    ),
  )

  const lateClock = movableClock()
  it(
    'that comes late is still an object, where its bytes are still there',
    inLake(
      async (lake) => {
        const session = await begin(lake, { expires_in_minutes: 1 })
        await bring(session, 'hello')
        lateClock.goOn(2)
        expect((await complete(lake, session)).status).toBe('completed')
      },
      { clock: lateClock },
    ),
  )
}

function describeParts(inLake: InLake): void {
  const mebibyte = 1024 * 1024
  const partBytes = 5 * mebibyte

  it(
    'are signed, listed, joined, and taken up by another process',
    inLake(async (lake) => {
      const wanted = { name: 'clip', local_path: true, size_bytes: 2 * partBytes + 3 }
      const { session, part_limits } = await lake.uploads.begin(wanted)
      const ticket = ticketOf(session as Session)
      const limits = await lake.uploads.get(ticket)
      expect(limits.part_limits).toEqual(part_limits)
      if (part_limits === null) {
        expect(await codeOf(() => lake.uploads.parts.begin(ticket))).toBe('INVALID_INPUT')
        return
      }
      const signed = async (...numbers: number[]) =>
        (await lake.uploads.parts.sign({ ...ticket, numbers })).parts
      const texts = ['a'.repeat(partBytes), 'b'.repeat(partBytes), 'end']
      const put = async (number: number) => {
        const [part] = await signed(number)
        await send(part?.url as string, part?.headers ?? {}, texts[number - 1] as string)
      }
      await expectRefusals([
        ['CONFLICT', () => signed(1)],
        ['INVALID_INPUT', () => lake.uploads.parts.begin({ ...ticket, part_bytes: 1 })],
        ['FORBIDDEN', () => lake.uploads.parts.list({ ...ticket, finalize_token: 'x' })],
      ])
      expect((await lake.uploads.parts.list(ticket)).parts).toEqual([])
      const begun = await lake.uploads.parts.begin({ ...ticket, part_bytes: partBytes })
      expect(begun.part_bytes).toBe(partBytes)
      const { values } = await atOnce(5, () => lake.uploads.parts.begin(ticket))
      expect(values.map(({ part_bytes }) => part_bytes)).toEqual(Array(5).fill(partBytes))
      await put(3)
      await put(1)
      expect((await lake.uploads.parts.list(ticket)).parts).toMatchObject([
        { number: 1, size_bytes: partBytes },
        { number: 3, size_bytes: 3 },
      ])
      expect(await codeOf(() => lake.uploads.complete(ticket))).toBe('CONFLICT')
      expect(await lake.uploads.get(ticket)).toMatchObject({
        part_bytes: partBytes,
        session: { status: 'pending' },
      })
      await put(2)
      const sha256 = sha256Hex(texts.join(''))
      const completed = await lake.uploads.complete({ ...ticket, sha256 })
      expect(completed.session.status).toBe('completed')
      expect(await textOf(lake)).toBe(texts.join(''))
      expect((await lake.uploads.parts.list(ticket)).parts).toEqual([])
      await expectRefusals([
        ['CONFLICT', () => signed(1)],
        ['CONFLICT', () => lake.uploads.parts.begin(ticket)],
      ])
      expect(await lake.uploads.complete(ticket)).toEqual(completed)
    }),
  )

  it(
    'that are given up leave the store',
    inLake(async (lake) => {
      const { session, part_limits } = await lake.uploads.begin({ name: 'clip', local_path: true })
      if (part_limits === null) return
      const ticket = ticketOf(session as Session)
      await lake.uploads.parts.begin(ticket)
      const { parts } = await lake.uploads.parts.sign({ ...ticket, numbers: [1] })
      const [part] = parts
      await send(part?.url as string, part?.headers ?? {}, 'hello')
      await lake.uploads.abort(ticket)
      expect((await lake.uploads.parts.list(ticket)).parts).toEqual([])
      // The emulator of GCS takes parts of uploads that it does not know.
      if (part?.url.includes('X-Amz-') !== true) return
      const again = await fetch(part.url, { method: 'PUT', body: 'late' })
      expect(again.status).toBe(404)
    }),
  )
}
