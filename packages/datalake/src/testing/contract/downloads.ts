import type { Lake } from '@mindtrace/contract'
import { expect, it } from 'vitest'
import { anAsset, anImage } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'
import { movableClock } from './uploads.ts'

/** The token in an address of ours, undefined in one of a store. */
function tokenOf(url: string): string | undefined {
  return /v1\/downloads\/([^/?]+)$/.exec(url)?.[1]
}

/** Addresses by which anyone may read a payload until they expire. */
export function describeSignedDownloads(inLake: InLake): void {
  const sign = (lake: Lake, asset_id: string, more: object = {}) =>
    lake.downloads.sign({ asset_id, ...more })

  it(
    'lead to the payload as it was when they were signed',
    inLake(async (lake) => {
      const { asset_id, storage_ref } = await anImage(lake)
      const { url, expires_at } = await sign(lake, asset_id, {
        response_content_type: 'text/plain',
        response_content_disposition: 'attachment; filename="a.txt"',
      })
      expect(expires_at).toMatch(/Z$/)
      if (url.startsWith('http')) {
        const response = await fetch(url)
        expect([response.status, await response.text()]).toEqual([200, 'pixels'])
        expect(response.headers.get('content-type')).toBe('text/plain')
        expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="a.txt"/)
      }
      const token = tokenOf(url)
      if (token === undefined) return
      expect(await lake.downloads.resolve({ token })).toMatchObject({
        storage_ref,
        media_type: 'text/plain',
        content_disposition: 'attachment; filename="a.txt"',
      })
      const plain = tokenOf((await sign(lake, asset_id)).url) ?? ''
      expect(await lake.downloads.resolve({ token: plain })).toMatchObject({
        media_type: 'image/png',
        content_disposition: null,
      })
    }),
  )

  it(
    'are refused when a letter of them was changed',
    inLake(async (lake) => {
      const { asset_id } = await anImage(lake)
      const token = tokenOf((await sign(lake, asset_id)).url)
      if (token === undefined) return
      const [body = '', key = '', signature = ''] = token.split('.')
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
      const longer = Buffer.from(JSON.stringify({ ...claims, e: 9_999_999_999 }))
      const other = (part: string) => `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`
      const resolve = (changed: string) => () => lake.downloads.resolve({ token: changed })
      await expectRefusals([
        ['FORBIDDEN', resolve('')],
        ['FORBIDDEN', resolve('..')],
        ['FORBIDDEN', resolve(body)],
        ['FORBIDDEN', resolve(`${body}.${key}`)],
        ['FORBIDDEN', resolve(`${body}.${key}.`)],
        ['FORBIDDEN', resolve(`${other(body)}.${key}.${signature}`)],
        ['FORBIDDEN', resolve(`${body}.${key}.${other(signature)}`)],
        ['FORBIDDEN', resolve(`${body}.${'0'.repeat(32)}.${signature}`)],
        ['FORBIDDEN', resolve(`${longer.toString('base64url')}.${key}.${signature}`)],
        ['VALIDATION_FAILED', resolve('x'.repeat(9000))],
      ])
    }),
  )

  it(
    'are refused for what can not be read',
    inLake(async (lake) => {
      const { asset_id } = await anImage(lake)
      const missing = await anAsset(lake)
      const signing = (id: string, more?: object) => () => sign(lake, id, more)
      await expectRefusals([
        ['NOT_FOUND', signing('asset_0')],
        ['PAYLOAD_UNAVAILABLE', signing(missing.asset_id)],
        ['VALIDATION_FAILED', signing(asset_id, { expires_in_minutes: 0 })],
        ['VALIDATION_FAILED', signing(asset_id, { expires_in_minutes: 10_081 })],
        ['INVALID_INPUT', signing(asset_id, { response_content_type: 'a\r\nb' })],
        ['INVALID_INPUT', signing(asset_id, { response_content_disposition: 'x'.repeat(2000) })],
      ])
    }),
  )

  const clock = movableClock()
  it(
    'expire, and keys are replaced without breaking those that have not',
    inLake(
      async (lake) => {
        const { asset_id } = await anImage(lake)
        const short = tokenOf((await sign(lake, asset_id, { expires_in_minutes: 1 })).url)
        if (short === undefined) return
        const resolve = (token: string) => () => lake.downloads.resolve({ token })
        await resolve(short)()
        clock.goOn(2)
        await expectRefusals([['FORBIDDEN', resolve(short)]])
        clock.goOn(28 * 24 * 60)
        const old = tokenOf((await sign(lake, asset_id, { expires_in_minutes: 10_080 })).url) ?? ''
        clock.goOn(4 * 24 * 60)
        const young = tokenOf((await sign(lake, asset_id)).url) ?? ''
        expect(young.split('.')[1]).not.toBe(old.split('.')[1])
        await resolve(old)()
        await resolve(young)()
      },
      { clock },
    ),
  )
}
