import { once } from 'node:events'
import { connect } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.ts'
import { serveProcess, until } from './served-process.ts'

/** Sends bytes over a bare socket and waits for its end. */
async function raw(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  socket.write(text)
  socket.setTimeout(2_000, () => socket.destroy())
  await once(socket, 'close')
}

const payload = 'these bytes are nobody elses business'
const forged = `mtk_0123456789abcdef_${'Forged'.repeat(7)}x`

test.each(['json', 'text'] as const)(
  'no secret and no payload gets into %s logs, whatever is sent, and every request has its id there',
  async (format) => {
    await using served = await serveProcess({ args: ['--log', format, '--verbose'] })
    const made = await runCli([
      'keys',
      'create',
      '--name',
      'boss',
      '--role',
      'admin',
      '--lake',
      served.lake,
    ])
    const key = made.stdout.trim()
    const secrets = new Set([key.slice(21), forged.slice(21), payload])
    secrets.add(Buffer.from(payload).toString('base64'))
    const ids = new Set<string>()
    const ask = async (path: string, init: RequestInit & { body?: string } = {}) => {
      const response = await fetch(`${served.address}${path}`, init)
      ids.add(response.headers.get('x-request-id') ?? 'none')
      return response
    }
    const post = (task: string, body: unknown, authorization = `Bearer ${key}`) =>
      ask(`/${task}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify(body),
      })
    // The key has been seen by then.
    await until(async () => (await post('summary', {}, '')).status === 401)

    // What honest clients send.
    const lake = connectLake(served.address, { apiKey: key })
    const { asset } = await lake.assets.createFromObject({
      name: 'a',
      data_base64: Buffer.from(payload).toString('base64'),
      kind: 'document',
      media_type: 'text/plain',
    })
    const { api_key } = await lake.keys.create({ name: 'other', role: 'writer' })
    secrets.add(api_key.slice(21))
    const { url } = await lake.downloads.sign({ asset_id: asset.asset_id })
    const token = url.replace(/.*\//, '')
    secrets.add(token)
    expect(await (await ask(`/v1/downloads/${token}`)).text()).toBe(payload)
    const session = await lake.objects.uploadSession.create({ name: 'up' })
    secrets.add(session.finalize_token)
    await post('summary', {}, `Basic ${btoa(`${key}:`)}`)
    secrets.add(btoa(`${key}:`))
    await ask('/summary', { method: 'POST', headers: { 'x-api-key': api_key } })

    // What others send.
    await post('summary', {}, `Bearer ${forged}`)
    await post('assets.get', { id: payload, finalize_token: forged })
    await post('assets.create_from_object', { name: 7, data_base64: btoa(payload), secret: forged })
    await post('assets.create_from_object', { name: 'x', data_base64: `${payload}!!` })
    await post(`summary?api_key=${forged}`, {})
    await ask(`/v1/downloads/${token.slice(0, -3)}xyz`)
    await ask(`/${forged}`)
    await ask('/assets.get', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: `{"id":"${payload}`,
    })
    for (const head of [
      `GET /?key=${forged} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${key}\r\n\r\n`,
      `GET http://${forged}@127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      `POST /summary HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: ${payload}\r\nX-API-Key: ${key}\r\nX-API-Key: ${forged}\r\n\r\n`,
      `${payload}\r\n\r\n`,
      `PUT /v1/objects/main/x HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${key}\r\nContent-Length: 9000\r\n\r\n${payload}`,
    ]) {
      await raw(served.port, head)
    }
    served.kill('SIGTERM')
    const { code, stdout, stderr } = await served.finished
    expect([code, stdout]).toEqual([0, ''])
    const lines = stderr.split('\n').filter((line) => line !== '')
    for (const secret of secrets) expect(stderr).not.toContain(secret)
    for (const id of ids) expect([id, stderr.includes(id)]).toEqual([id, true])
    expect(ids.has('none')).toBe(false)
    if (format === 'text') return
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const requests = parsed.filter(({ msg }) => msg === 'request')
    expect(requests.length).toBeGreaterThanOrEqual(ids.size)
    for (const request of requests) {
      expect(request).toMatchObject({
        level: 'debug',
        request_id: expect.any(String),
        method: expect.any(String),
        status: expect.any(Number),
        ms: expect.any(Number),
      })
    }
  },
  120_000,
)

test('what nobody caught ends the process with one line, in which there is no secret either', async () => {
  const crash = `process.on('SIGUSR2', () => {
    Promise.reject(new Error('connection to mongodb://root:' + process.env.PASSWORD + '@db/lake broke'))
  })`
  await using served = await serveProcess({
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}`,
      PASSWORD: 'hunter2',
    },
  })
  served.kill('SIGUSR2')
  const { code, stderr } = await served.finished
  expect(code).toBe(1)
  const lines = stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    msg: 'nobody foresaw this: the process ends',
    error: { message: 'connection to mongodb://…@db/lake broke', stack: expect.any(String) },
  })
  expect(stderr).not.toContain('hunter2')
}, 60_000)
