import { isMindtraceError } from '@mindtrace/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CursorPosition,
  type CursorScope,
  decodeCursor,
  encodeCursor,
  filterFingerprint,
} from './cursor.ts'

/** The vectors of `datalake-model.md` 8.5, as the reference wrote them. */
const assetsCursor =
  'eyJmaWx0ZXJfZmluZ2VycHJpbnQiOiAiYjcyYTE3N2JhNGIwYmUxNGM0NzI1OWEwYzFjZjIxZThhMWI2NGZiNSIsICJsYXN0X2tleSI6IHsiYXNzZXRfaWQiOiAiYXNzZXRfMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCAiY3JlYXRlZF9hdCI6IHsiX19taW5kdHJhY2VfdHlwZV9fIjogImRhdGV0aW1lIiwgInZhbHVlIjogIjIwMjYtMDEtMDJUMDM6MDQ6MDUuNjc4MDAwIn19LCAicmVzb3VyY2UiOiAiYXNzZXRzIiwgInNuYXBzaG90X3Rva2VuIjogIntcImN1dG9mZlwiOntcIl9fbWluZHRyYWNlX3R5cGVfX1wiOlwiZGF0ZXRpbWVcIixcInZhbHVlXCI6XCIyMDI2LTAxLTAyVDEyOjAwOjAwLjEyMzQ1NiswMDowMFwifSxcImZpZWxkXCI6XCJjcmVhdGVkX2F0XCIsXCJraW5kXCI6XCJ0ZW1wb3JhbF9jdXRvZmZcIixcInJlc291cmNlXCI6XCJhc3NldHNcIn0iLCAic29ydCI6ICJjcmVhdGVkX2Rlc2MifQ'
const viewCursor =
  'eyJmaWx0ZXJfZmluZ2VycHJpbnQiOiAiOTdkMTcwZTE1NTBlZWU0YWZjMGFmMDY1Yjc4Y2RhMzAyYTk3Njc0YyIsICJsYXN0X2tleSI6IHsiZGF0dW1faWQiOiAiZGF0dW1fMSIsICJvcmRpbmFsIjogMH0sICJyZXNvdXJjZSI6ICJkYXRhc2V0X3ZlcnNpb25fdmlldzpkZW1vOjEuMC4wIiwgInNuYXBzaG90X3Rva2VuIjogbnVsbCwgInNvcnQiOiAibWFuaWZlc3Rfb3JkZXIifQ'

const now = '2026-06-01T00:00:00.000Z'
const assets: CursorScope = {
  resource: 'assets',
  sort: 'created_desc',
  filterFingerprint: filterFingerprint({ kind: 'image' }),
  timeField: 'created_at',
}
const view: CursorScope = {
  resource: 'dataset_version_view:demo:1.0.0',
  sort: 'manifest_order',
  filterFingerprint: filterFingerprint([]),
  timeField: null,
}

test.each([
  [{}, 'bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f'],
  [[], '97d170e1550eee4afc0af065b78cda302a97674c'],
  [{ kind: 'image' }, 'b72a177ba4b0be14c47259a0c1cf21e8a1b64fb5'],
  [
    { 'subject.kind': 'asset', 'subject.id': 'asset_1' },
    'f4638014a4e1493aceb2d3476a231059b27eb056',
  ],
  [[{ value: 'train', op: 'eq', field: 'split' }], '4419bbc3cede9b844bab1da0c90ca307def996d3'],
])('the fingerprint of %j is that of the reference', (filters, fingerprint) => {
  expect(filterFingerprint(filters)).toBe(fingerprint)
})

describe('the cursors of the reference', () => {
  test('of a listing are read and written again byte for byte', () => {
    const position = decodeCursor(assetsCursor, assets, now)
    expect(position).toEqual({
      lastKey: {
        asset_id: 'asset_0123456789abcdef0123456789abcdef',
        created_at: '2026-01-02T03:04:05.678Z',
      },
      cutoff: '2026-01-02T12:00:00.123456Z',
    })
    expect(encodeCursor(assets, position, ['created_at'])).toBe(assetsCursor)
  })

  test('of a view are read and written again byte for byte', () => {
    const position = decodeCursor(viewCursor, view, now)
    expect(position).toEqual({ lastKey: { datum_id: 'datum_1', ordinal: 0 }, cutoff: null })
    expect(encodeCursor(view, position, [])).toBe(viewCursor)
  })

  test('are read with and without padding, and in either alphabet', () => {
    const padded = `${assetsCursor}${'='.repeat((4 - (assetsCursor.length % 4)) % 4)}`
    expect(decodeCursor(padded, assets, now)).toEqual(decodeCursor(assetsCursor, assets, now))
  })

  test('write a second without a fraction as Python does', () => {
    const position = {
      lastKey: { asset_id: 'ü', created_at: '2026-01-02T03:04:05.000Z' },
      cutoff: '2026-01-02T12:00:00.000Z',
    }
    const json = Buffer.from(encodeCursor(assets, position, ['created_at']), 'base64url').toString()
    expect(json).toContain('"value": "2026-01-02T03:04:05"')
    expect(json).toContain('\\"2026-01-02T12:00:00+00:00\\"')
    expect(json).toContain('"asset_id": "\\u00fc"')
  })
})

test('a cutoff in the future is now', () => {
  const before = '2026-01-01T00:00:00.000Z'
  expect(decodeCursor(assetsCursor, assets, before).cutoff).toBe(before)
})

test('any position survives the way to text and back', () => {
  const milliseconds = fc.integer({ min: 0, max: Date.UTC(2026, 0) })
  const instant = milliseconds.map((time) => new Date(time).toISOString())
  const key = fc.oneof(fc.string(), fc.constant(null))
  fc.assert(
    fc.property(instant, instant, key, (created_at, cutoff, asset_id) => {
      const position: CursorPosition = { lastKey: { created_at, asset_id }, cutoff }
      const text = encodeCursor(assets, position, ['created_at'])
      expect(decodeCursor(text, assets, now)).toEqual(position)
    }),
  )
})

test('any other text is refused with the one error', () => {
  const mangled = fc
    .tuple(fc.integer({ min: 0, max: assetsCursor.length - 1 }), fc.string({ maxLength: 3 }))
    .map(([at, put]) => `${assetsCursor.slice(0, at)}${put}${assetsCursor.slice(at + 1)}`)
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), mangled), (text) => {
      try {
        decodeCursor(text, assets, now)
      } catch (error) {
        if (!isMindtraceError(error, 'INVALID_CURSOR')) throw error
      }
    }),
  )
})
