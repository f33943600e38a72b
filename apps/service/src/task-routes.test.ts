import { allTasks, extensionTasks, type TaskName, taskPath, tasks } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { isProcessTask } from './process-tasks.ts'
import { exampleInput, fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, testApp, testServerInfo } from './testing/test-app.ts'

const names = Object.keys(allTasks) as TaskName[]
const lakeTasks = names.filter((name) => !isProcessTask(name))

describe.each(lakeTasks)('%s', (name) => {
  test('reaches the lake from the client and comes back', async () => {
    const lake = fakeLake()
    const client = clientOf(testApp(lake))
    const input = exampleInput(name) as never
    const remote = await client.call(name, input)
    expect(remote).toEqual(await lake.call(name, input))
    const [overHttp, inProcess] = lake.calls
    expect(overHttp).toEqual(inProcess)
  })

  test('answers POST only, with 501 and its name where the lake lacks it', async () => {
    const app = testApp(
      fakeLake({
        [name]: () => {
          throw new MindtraceError('NOT_IMPLEMENTED', `${name} is not implemented`)
        },
      }),
    )
    const missing = await post(app, taskPath(name), exampleInput(name) ?? {})
    expect([missing.status, await missing.json()]).toEqual([
      501,
      { detail: `${name} is not implemented` },
    ])
    for (const method of name === 'health' ? ['PUT'] : ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const wrong = await app.request(taskPath(name), { method })
      expect([wrong.status, wrong.headers.get('allow'), await wrong.json()]).toEqual([
        405,
        name === 'health' ? 'GET, HEAD, POST' : 'POST',
        { detail: 'Method Not Allowed' },
      ])
    }
  })
})

test('answers 200 with JSON, and null where a task has no output', async () => {
  const response = await post(testApp(fakeLake()), '/assets.delete', { id: 'a' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.text()).toBe('null')
})

test.each(['status', 'heartbeat', 'summary', 'mounts', 'lake.stats'] as const)(
  '%s takes no input and never reads the body',
  async (name) => {
    const app = testApp(fakeLake())
    for (const body of [undefined, '', '{}', 'null', '{broken']) {
      expect((await post(app, taskPath(name), body)).status).toBe(200)
    }
  },
)

test('answers the tasks about the process by itself, before the lake is asked', async () => {
  const lake = fakeLake()
  const client = clientOf(testApp(lake))
  expect(await client.endpoints()).toEqual({ endpoints: Object.keys(tasks) })
  expect(await client.status()).toEqual({ status: 'Available' })
  const { heartbeat } = await client.heartbeat()
  expect(heartbeat).toMatchObject({ status: 'Available', server_id: testServerInfo.serverId })
  expect(await client.serverId()).toEqual({ server_id: testServerInfo.serverId })
  expect(await client.className()).toEqual({ class_name: 'DatalakeService' })
  expect(await client.pidFile()).toEqual({ pid_file: testServerInfo.pidFile })
  expect(lake.calls).toEqual([])
})

test('shuts down only where that was allowed, after the answer', async () => {
  const forbidden = await post(testApp(fakeLake()), '/shutdown')
  expect(forbidden.status).toBe(403)
  const asked = Promise.withResolvers<void>()
  const app = testApp(fakeLake(), { shutdown: asked.resolve })
  expect(await clientOf(app).shutdown()).toEqual({ shutdown: true })
  await asked.promise
})

test('serves a path with a slash at its end as well, and 404 elsewhere', async () => {
  const app = testApp(fakeLake())
  expect((await post(app, '/summary/', '{}')).status).toBe(200)
  for (const path of ['/no.such.task', '/v1/assets.get', '/datasets.list', '/constructor']) {
    const unknown = await post(app, path, {})
    expect([unknown.status, await unknown.json()]).toEqual([404, { detail: 'Not Found' }])
  }
})

test('lists extensions and streams, none of them among the endpoints', async () => {
  const response = await testApp(fakeLake()).request('/v1/extensions')
  const listed = (await response.json()) as { tasks: { name: string }[]; streams: object[] }
  expect(listed.tasks.map(({ name }) => name)).toEqual(Object.keys(extensionTasks))
  expect(listed.streams).toContainEqual(
    expect.objectContaining({ name: 'ingestGroup', method: 'POST' }),
  )
})

test('refuses a body above the limit, with or without a declared length', async () => {
  const app = testApp(fakeLake(), { limits: { bodyBytes: 20 } })
  const body = JSON.stringify({ id: 'x'.repeat(30) })
  const declared = await app.request('/assets.get', {
    method: 'POST',
    body,
    headers: { 'content-length': String(body.length) },
  })
  const chunked = await app.request('/assets.get', {
    method: 'POST',
    body,
    headers: { 'transfer-encoding': 'chunked' },
  })
  for (const response of [declared, chunked]) {
    expect(response.status).toBe(413)
    expect(response.headers.get('mindtrace-error')).toBe('TOO_LARGE')
    expect(await response.json()).toEqual({ detail: expect.stringContaining('more than') })
  }
  expect((await post(app, '/assets.get', { id: 'x' })).status).toBe(200)
})

test('takes JSON under any content type, but only UTF-8', async () => {
  const app = testApp(fakeLake())
  const headers = { 'content-type': 'text/plain' }
  const plain = await app.request('/assets.get', { method: 'POST', body: '{"id":"a"}', headers })
  expect(plain.status).toBe(200)
  const latin1 = Uint8Array.of(0x7b, 0x22, 0xe9, 0x22, 0x7d)
  const response = await app.request('/assets.get', { method: 'POST', body: latin1 })
  expect([response.status, await response.json()]).toEqual([
    400,
    { detail: 'the body is not UTF-8' },
  ])
})

test('answers probes without and with the lake', async () => {
  const healthy = testApp(fakeLake())
  expect(await (await healthy.request('/health')).json()).toEqual({ status: 'ok' })
  expect((await healthy.request('/ready')).status).toBe(200)
  const broken = testApp(
    fakeLake({
      health: () => {
        throw new MindtraceError('UNAVAILABLE', 'mongodb://user:secret@host does not answer')
      },
    }),
  )
  expect((await broken.request('/health')).status).toBe(200)
  const unready = await broken.request('/ready')
  expect([unready.status, await unready.text()]).toEqual([
    503,
    '{"status":"not ready","code":"UNAVAILABLE","parts":[{"part":"lake","code":"UNAVAILABLE"}]}',
  ])
})
