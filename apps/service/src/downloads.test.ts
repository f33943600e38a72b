import type { PayloadRead } from '@mindtrace/contract'
import { MindtraceError, streamOf } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { createRequestContexts } from './request-context.ts'
import { RequestObserver } from './request-observer.ts'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { recordingLog, testApp } from './testing/test-app.ts'

const bytes = new TextEncoder().encode('0123456789')

/** An app whose one address stands for ten digits. */
function signedApp(
  mediaType: string,
  content_disposition: string | null = null,
  log = recordingLog(),
) {
  const storage_ref = { mount: 'main', name: 'folder/clip.bin', version: '1.0.0' }
  const lake = fakeLake(
    {
      'downloads.resolve': ({ token }: { token: string }) => {
        if (token !== 'good.key.signature') throw new MindtraceError('FORBIDDEN', 'none of ours')
        return { storage_ref, media_type: mediaType, content_disposition, expires_at: '' }
      },
    },
    {
      readObject: async (ref, options): Promise<PayloadRead> => {
        expect(ref).toEqual(storage_ref)
        const range = options?.range
        const end = range?.end ?? 9
        return {
          body: streamOf(bytes.slice(range?.start ?? 0, end + 1)),
          sizeBytes: 10,
          range: range === undefined ? null : { start: range.start, end },
          mediaType: 'stored/type',
          etag: 'e',
          storageRef: { ...storage_ref, qualified_key: 'main/folder/clip.bin@1.0.0' },
        }
      },
    },
  )
  const app = testApp(lake, { log })
  return {
    get: (init?: RequestInit) => app.request('/v1/downloads/good.key.signature', init),
    app,
    log,
  }
}

test('an address gives its payload, whole or a part, with headers that make it harmless', async () => {
  const { get } = signedApp('image/png')
  const response = await get()
  expect(await response.text()).toBe('0123456789')
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'image/png',
    'content-length': '10',
    'content-disposition': `inline; filename="clip.bin"; filename*=UTF-8''clip.bin`,
    'content-security-policy': expect.stringContaining('sandbox'),
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    'referrer-policy': 'no-referrer',
    'accept-ranges': 'bytes',
  })
  const part = await get({ headers: { range: 'bytes=2-4' } })
  expect([part.status, await part.text()]).toEqual([206, '234'])
  const head = await get({ method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect((await get({ method: 'PUT' })).status).toBe(405)
})

test.each([
  ['text/html', null, 'attachment'],
  ['text/html; charset=utf-8', 'inline', 'attachment'],
  ['image/svg+xml', 'inline; filename="x.svg"', 'attachment'],
  ['application/xhtml+xml', null, 'attachment'],
  ['application/pdf', 'inline', 'attachment'],
  ['TEXT/HTML', null, 'attachment'],
  ['image/png', 'attachment', 'attachment'],
  ['image/png', 'whatever', 'attachment'],
  ['image/jpeg', 'INLINE; filename=a.jpg', 'inline'],
  ['video/mp4', null, 'inline'],
  ['text/plain; charset=utf-8', null, 'inline'],
])('%s asked for as %s is an %s', async (mediaType, asked, kind) => {
  const response = await signedApp(mediaType, asked).get()
  expect(response.headers.get('content-disposition')).toMatch(new RegExp(`^${kind}; filename=`))
  expect(response.headers.get('content-type')).toBe(mediaType)
})

test.each([
  ['attachment; filename="two.jpg"', 'two.jpg', 'two.jpg'],
  ['attachment; filename=two.jpg', 'two.jpg', 'two.jpg'],
  ['attachment; filename="a\\"b; c.jpg"', 'a_b_c.jpg', 'a%22b%3B%20c.jpg'],
  ['attachment; filename="x"; filename*=UTF-8\'\'%C3%A4%2F..%0D%0A.png', '_', '..%0D%0A.png'],
  ['attachment; filename="../../etc/passwd"', 'passwd', 'passwd'],
])('the file name of %s is written anew', async (asked, plain, encoded) => {
  const response = await signedApp('image/png', asked).get()
  const header = response.headers.get('content-disposition') ?? ''
  if (plain !== '_') expect(header).toContain(`filename="${plain}"`)
  expect(header).toContain(`filename*=UTF-8''${encoded}`)
  expect(header).not.toMatch(/[\r\n]/)
})

test('another address is refused, and no log has one', async () => {
  const { app, log } = signedApp('image/png')
  const observer = new RequestObserver({ contexts: createRequestContexts(), log })
  await using service = await startService({ app, port: 0, log, observer })
  const response = await fetch(`${service.address}/v1/downloads/secret.key.other`)
  expect(response.status).toBe(403)
  expect(await response.json()).toEqual({ detail: 'none of ours' })
  await (await fetch(`${service.address}/v1/downloads/good.key.signature`)).text()
  const requests = () => log.lines.filter(({ message }) => message === 'request')
  // A request is logged a moment after its answer.
  while (requests().length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(JSON.stringify(log.lines)).not.toMatch(/secret|signature/)
})

test('a media type that no header can hold is none', async () => {
  const response = await signedApp('text/plain\u0000; x').get()
  expect(response.headers.get('content-type')).toBe('application/octet-stream')
})
