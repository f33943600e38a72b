import { httpStatus } from '@mindtrace/contract'
import { errorCodes, MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, recordingLog, testApp } from './testing/test-app.ts'

const explained = errorCodes.filter((code) => code !== 'INTERNAL' && code !== 'VALIDATION_FAILED')

function appThatThrows(error: unknown) {
  const log = recordingLog()
  const lake = fakeLake({
    'assets.get': () => {
      throw error
    },
  })
  return { app: testApp(lake, { log }), log }
}

test.each(explained)('%s becomes its status, and the same error at the client', async (code) => {
  const { app } = appThatThrows(
    new MindtraceError(code, 'what, which value, what to do', { details: { id: 'é', limit: 3 } }),
  )
  const response = await post(app, '/assets.get', { id: 'a' })
  expect(response.status).toBe(httpStatus[code])
  expect(await response.json()).toEqual({ detail: 'what, which value, what to do' })
  await expect(clientOf(app).assets.get({ id: 'a' })).rejects.toMatchObject({
    code,
    message: 'what, which value, what to do',
    details: { id: 'é', limit: 3, status: httpStatus[code] },
  })
})

test('sends a detail of its own where the error carries one', async () => {
  const detail = { code: 'OBJECT_NOT_READABLE', message: 'not found', storage_ref: { mount: 'm' } }
  const { app } = appThatThrows(
    new MindtraceError('PAYLOAD_UNAVAILABLE', 'x', { details: { detail } }),
  )
  const response = await post(app, '/assets.get', { id: 'a' })
  expect([response.status, await response.json()]).toEqual([409, { detail }])
  await expect(clientOf(app).assets.get({ id: 'a' })).rejects.toMatchObject({
    code: 'PAYLOAD_UNAVAILABLE',
    message: 'not found',
    details: { detail },
  })
})

test('finds words for a validation error without issues', async () => {
  const { app } = appThatThrows(new MindtraceError('VALIDATION_FAILED', 'kind may not be x'))
  const response = await post(app, '/assets.get', { id: 'a' })
  expect([response.status, await response.json()]).toEqual([
    422,
    {
      detail: [
        {
          type: 'value_error',
          loc: ['body'],
          msg: 'Value error, kind may not be x',
          input: { id: 'a' },
          ctx: { error: {} },
        },
      ],
    },
  ])
})

test.each([
  ['an error', new Error('password=hunter2')],
  ['an internal error', new MindtraceError('INTERNAL', 'password=hunter2')],
  ['a text', 'password=hunter2'],
  ['nothing', undefined],
])('%s that nobody foresaw is a 500 with an id that the log explains', async (_what, thrown) => {
  const { app, log } = appThatThrows(thrown)
  const response = await post(app, '/assets.get', { id: 'a' })
  expect(response.status).toBe(500)
  const { detail } = (await response.json()) as { detail: string }
  expect(detail).toMatch(/^Internal error error_[0-9a-f]{32}$/)
  const line = log.lines.find(({ level }) => level === 'error')
  expect(line?.fields).toMatchObject({ error_id: detail.split(' ').at(-1), error: thrown })
})

test('leaves details out of the header that are too long for one', async () => {
  const { app } = appThatThrows(
    new MindtraceError('CONFLICT', 'x', { details: { ids: 'x'.repeat(5000) } }),
  )
  const response = await post(app, '/assets.get', { id: 'a' })
  expect(response.headers.get('mindtrace-error-details')).toBeNull()
})
