import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { said, serveWithKeys } from './served-lake.ts'

afterAll(() => {
  const everything = said.lines.join('\n')
  for (const secret of said.secrets) expect(everything).not.toContain(secret)
})

/** Sends bytes over a bare socket and gives what comes until the other side closes, or `endMs` are over. */
async function raw(port: number, request: string | readonly string[], endMs = 10_000) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const timer = setTimeout(() => socket.destroy(), endMs)
  const startedAt = performance.now()
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
  })
  for (const part of [request].flat()) socket.write(part)
  await once(socket, 'close')
  clearTimeout(timer)
  return { answer, ms: performance.now() - startedAt, status: Number(answer.split(' ')[1] ?? 0) }
}

const head = (method: string, path: string, headers: readonly string[] = []) =>
  [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers, '', ''].join(
    '\r\n',
  )

describe('requests that no honest client sends', () => {
  test('get a refusal, and the service goes on', async () => {
    await using served = await serveWithKeys('sqlite')
    const { port, keys } = served
    const key = `X-API-Key: ${keys.admin}`
    const rows: [string, string, number][] = [
      [
        'another host',
        'POST /summary HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
        403,
      ],
      ['no host', 'POST /summary HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
      ['two hosts', head('POST', '/summary', ['Host: evil.example', key]), 400],
      ['two keys', head('POST', '/summary', [key, `X-API-Key: ${keys.reader}`]), 400],
      ['two of one key', head('POST', '/summary', [key, key]), 400],
      [
        'two authorizations',
        head('POST', '/summary', [
          'Authorization: Bearer a',
          `Authorization: Bearer ${keys.admin}`,
        ]),
        400,
      ],
      [
        'two lengths',
        head('POST', '/assets.get', [key, 'Content-Length: 2', 'Content-Length: 3']),
        400,
      ],
      [
        'a length and chunks',
        head('POST', '/assets.get', [key, 'Content-Length: 2', 'Transfer-Encoding: chunked']),
        400,
      ],
      ['a method that traces', head('TRACE', '/summary', [key]), 405],
      ['an unknown method', 'BREW /summary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 400],
      ['another method', head('DELETE', '/assets.get', [key]), 405],
      ['PATCH', head('PATCH', '/v1/objects/main/a', [key]), 405],
      ['an absolute address', head('POST', 'http://127.0.0.1/summary', [key]), 400],
      ['options of all', head('OPTIONS', '*', [key]), 400],
      ['a long address', head('GET', `/${'a'.repeat(9_000)}`, [key]), 414],
      ['a huge header', head('GET', '/health', [`X-Junk: ${'a'.repeat(40_000)}`]), 431],
      [
        'many headers',
        head(
          'GET',
          '/health',
          Array.from({ length: 3_000 }, (_, i) => `X-${i}: aaaaaaaa`),
        ),
        431,
      ],
      ['no HTTP', 'hello\r\n\r\n', 400],
      ['a control character', head('GET', '/health', ['X-A: a\u0001b']), 400],
    ]
    for (const [what, request, status] of rows) {
      const got = await raw(port, request)
      expect([what, got.status]).toEqual([what, status])
      const [head = '', body = ''] = got.answer.split('\r\n\r\n')
      expect(JSON.parse(body)).toEqual({ detail: expect.any(String) })
      expect(head).toMatch(/^x-content-type-options: nosniff/im)
      expect(head).toMatch(/^x-request-id: \S+/im)
    }
    expect((await served.post('summary', keys.reader)).status).toBe(200)
  })

  test('find no way around the gate or out of a mount', async () => {
    await using served = await serveWithKeys('sqlite')
    const { port, keys } = served
    const paths = [
      '/status/../summary',
      '/status%2f..%2fsummary',
      '/./summary',
      '//summary',
      '/summary/',
      '/summary%00',
      '/%73ummary',
      '/SUMMARY',
      '/status;/summary',
      '/health/../v1/objects/main/a',
      '/v1/..%2f..%2fetc%2fpasswd',
      '/v1/objects/main/..%2f..%2f..%2fetc%2fpasswd',
      '/v1/objects/main/%2e%2e/%2e%2e/lake.db',
      '/ui/..%2f..%2fpackage.json',
      '/v1/downloads/../assets/a/payload',
      '/v1/downloads/x/../../objects/main/a',
    ]
    for (const path of paths) {
      for (const method of ['GET', 'POST']) {
        const { status, answer } = await raw(port, head(method, path))
        expect([method, path, status >= 400 && status < 500]).toEqual([method, path, true])
        expect(answer).not.toMatch(/AsyncDatalake|root:|SQLite format/)
      }
    }
    const withKey = [`X-API-Key: ${keys.admin}`]
    for (const path of paths.filter((one) => one.includes('objects') || one.includes('..%2f'))) {
      const { status, answer } = await raw(port, head('GET', path, withKey))
      expect([path, status >= 400 && status < 500]).toEqual([path, true])
      expect(answer).not.toMatch(/root:|SQLite format/)
    }
  })

  test('that are bombs of JSON are refused at once', async () => {
    await using served = await serveWithKeys('sqlite')
    const { admin } = served.keys
    const deep = (depth: number) => `{"filters":${'{"$and":['.repeat(depth)}${']}'.repeat(depth)}}`
    const rows: [string, string, number][] = [
      ['arrays', `${'['.repeat(1_000_000)}`, 422],
      ['closed arrays', `{"filters":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`, 422],
      ['filters', deep(50_000), 422],
      ['metadata', `{"name":"a","metadata":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`, 422],
      ['prototypes', '{"name":"a","metadata":{"__proto__":{"admin":true}}}', 400],
      ['constructors', '{"name":"a","metadata":{"constructor":{"prototype":{"x":1}}}}', 200],
      ['no UTF-8', '{"name":"\ud800"}', 200],
      ['numbers', `{"name":"a","metadata":{"n":1e999}}`, 200],
    ]
    for (const [what, body, status] of rows) {
      const startedAt = performance.now()
      const task =
        what.includes('arrays') || what === 'filters' ? 'assets.list' : 'collections.create'
      const response = await served.post(task, admin, body)
      const text = await response.text()
      expect([what, response.status]).toEqual([what, status])
      expect(text.length, what).toBeLessThan(20_000)
      expect(performance.now() - startedAt, what).toBeLessThan(2_000)
    }
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })
})

describe('slow requests', () => {
  test('whose head does not come are ended', async () => {
    await using served = await serveWithKeys('sqlite', { headersTimeoutMs: 200 })
    const { status, ms } = await raw(served.port, 'POST /summary HTTP/1.1\r\nHost: ')
    expect([status, ms < 3_000]).toEqual([408, true])
  })

  test.each([
    ['/assets.get', 'Content-Length: 100'],
    ['/v1/ingest/a/groups', 'Content-Length: 100'],
    ['/collections.create', 'Transfer-Encoding: chunked'],
  ])('whose body stops to come are ended: %s %s', async (path, length) => {
    await using served = await serveWithKeys('sqlite', { bodyIdleTimeoutMs: 200 })
    const request = head('POST', path, [`X-API-Key: ${served.keys.admin}`, length])
    const { ms } = await raw(served.port, [
      request,
      length.includes('chunked') ? '3\r\n{"n\r\n' : '{"n',
    ])
    expect(ms).toBeLessThan(3_000)
    expect((await served.post('summary', served.keys.reader)).status).toBe(200)
  })

  test('that keep coming are not, however long they take in all', async () => {
    await using served = await serveWithKeys('sqlite', { bodyIdleTimeoutMs: 300 })
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let index = 0; index < 8; index += 1) {
          controller.enqueue(new Uint8Array(10))
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        controller.close()
      },
    })
    const written = await served
      .as(served.keys.writer)
      .streams.writeObject({ mount: null, name: 'slow' }, body)
    expect(written.size_bytes).toBe(80)
  })

  test('without a key are answered before their body has come', async () => {
    await using served = await serveWithKeys('sqlite')
    const request = head('PUT', '/v1/objects/main/a', ['Content-Length: 1000000000'])
    const { status, ms } = await raw(served.port, [request, 'x'.repeat(1000)], 3_000)
    expect([status, ms < 3_000]).toEqual([401, true])
  })
})

describe('answers', () => {
  test('carry the security headers, name no program, and repeat no key', async () => {
    await using served = await serveWithKeys('sqlite', { hstsSeconds: 31_536_000 })
    const { admin } = served.keys
    await served.lake.objects.put({ name: 'page.html', data_base64: 'PGgxPg==' })
    const paths = [
      '/',
      '/health',
      '/ready',
      '/openapi.json',
      '/v1/extensions',
      '/nothing',
      '/summary',
    ]
    for (const path of [...paths, '/v1/objects/main/page.html', '/v1/assets/a/payload']) {
      for (const key of [undefined, admin, 'mtk_wrong']) {
        const response = await fetch(`${served.address}${path}`, {
          redirect: 'manual',
          headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        })
        const text = `${await response.text()} ${JSON.stringify([...response.headers])}`
        const header = (name: string) => response.headers.get(name) ?? ''
        expect(header('x-content-type-options'), path).toBe('nosniff')
        expect(header('content-security-policy'), path).toMatch(/frame-ancestors 'none'|^sandbox/)
        expect(header('referrer-policy'), path).toBe('no-referrer')
        expect(header('strict-transport-security'), path).toBe('max-age=31536000')
        expect(header('server') + header('x-powered-by'), path).toBe('')
        expect(header('access-control-allow-origin'), path).toBe('')
        expect(text).not.toContain(admin.slice(21))
        expect(text).not.toContain('mtk_wrong')
      }
    }
  })

  test('go to pages of other origins only where those are listed', async () => {
    const page = 'https://label.example'
    await using served = await serveWithKeys('sqlite', { corsOrigins: [page] })
    const send = (origin: string, method = 'POST') =>
      fetch(`${served.address}/summary`, {
        method,
        headers: { origin, 'x-api-key': served.keys.reader },
      })
    const preflight = await send(page, 'OPTIONS')
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([
      204,
      page,
    ])
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    const allowed = await send(page)
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
      200,
      page,
    ])
    const foreign = await send('https://evil.example')
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([
      403,
      null,
    ])
    expect((await send('https://evil.example', 'OPTIONS')).status).toBe(403)
  })

  test('come under the names that are allowed', async () => {
    await using served = await serveWithKeys('sqlite', {
      host: '0.0.0.0',
      allowedHosts: ['lake.example'],
    })
    const ask = async (host: string) =>
      (await raw(served.port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
        .status
    expect(await ask('lake.example')).toBe(200)
    expect(await ask('127.0.0.1:1')).toBe(200)
    expect(await ask('evil.example')).toBe(403)
  })
})
