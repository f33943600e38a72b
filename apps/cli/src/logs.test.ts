import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { jsonLog } from './json-log.ts'
import { textLog } from './text-log.ts'
import { withoutSecrets } from './without-secrets.ts'

function output() {
  const lines: string[] = []
  const write = async (chunk: string | Uint8Array) => void lines.push(String(chunk))
  return { lines, isTTY: false, columns: 80, write }
}

const secret = 'x'.repeat(43)

test.each([
  [`key mtk_0123456789abcdef_${secret} was sent`, 'key mtk_0123456789abcdef_… was sent'],
  ['mongodb://root:hunter2@a:1,b:2/lake', 'mongodb://…@a:1,b:2/lake'],
  ['https://mtk_key@lake.example/x', 'https://…@lake.example/x'],
  ['https://user:p@ss@host/x', 'https://…@host/x'],
  [
    'https://s3/b/k?X-Amz-Date=1&X-Amz-Credential=AKIA%2F1&X-Amz-Signature=abc&x-id=PutObject',
    'https://s3/b/k?X-Amz-Date=1&X-Amz-Credential=…&X-Amz-Signature=…&x-id=PutObject',
  ],
  ['https://gcs/b?X-Goog-Signature=abc', 'https://gcs/b?X-Goog-Signature=…'],
  ['GET /v1/downloads/abc.def 200', 'GET /v1/downloads/… 200'],
  ['PATCH /v1/tus/abc 204', 'PATCH /v1/tus/… 204'],
  ['authorization: Bearer abcdefgh', 'authorization: Bearer …'],
  ['{"authorization":"Basic dXNlcjpwYXNz"}', '{"authorization":"…"}'],
  ['{"finalize_token":"t","name":"a"}', '{"finalize_token":"…","name":"a"}'],
])('of %j there stays %j', (line, left) => {
  expect(withoutSecrets(line)).toBe(left)
})

test('leaves ordinary lines alone', () => {
  for (const line of [
    '2026-01-01T00:00:00.000Z debug request {"path":"/assets.get","status":200,"ms":1.5}',
    'the mount at s3://bucket/prefix does not answer; see http://127.0.0.1:9000/minio?x=1',
    'user@example.com wrote a@b',
  ]) {
    expect(withoutSecrets(line)).toBe(line)
  }
})

const failure = new MindtraceError('UNAVAILABLE', 'no answer from mongodb://u:hunter2@h/db', {
  cause: new Error('socket closed'),
  details: { input: 'what was sent' },
})

test('JSON lines hold time, level, message, fields, and errors with their causes', () => {
  const out = output()
  const log = jsonLog(out, 'debug')
  log.debug({ a: 1 }, 'first')
  log.error({ error: failure }, 'second')
  const [first, second] = out.lines.map((line) => JSON.parse(line))
  expect(out.lines.every((line) => line.endsWith('\n'))).toBe(true)
  expect(first).toEqual({
    level: 'debug',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    pid: process.pid,
    a: 1,
    msg: 'first',
  })
  expect(second).toMatchObject({
    level: 'error',
    error: {
      name: 'MindtraceError',
      code: 'UNAVAILABLE',
      message: 'no answer from mongodb://…@h/db',
      stack: expect.stringContaining('logs.test.ts'),
      cause: { name: 'Error', message: 'socket closed' },
    },
  })
  expect(out.lines.join()).not.toMatch(/hunter2|what was sent/)
})

test('lines for people hold the same, and no control characters', () => {
  const out = output()
  const log = textLog(out, 'warn')
  log.info({}, 'not this one')
  log.warn({ path: '/a\u001b[31m', error: failure }, 'request failed')
  expect(out.lines).toHaveLength(1)
  const [line = ''] = out.lines
  expect(line).toMatch(/^\d{4}-.*Z warn request failed \{"path":"\/a.*socket closed.*\}\n$/)
  for (const absent of ['\u001b', '\n', 'hunter2', 'what was sent']) {
    expect(line.slice(0, -1)).not.toContain(absent)
  }
})

test.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('from %s on there are %i of four lines', (least, count) => {
  for (const make of [textLog, jsonLog]) {
    const out = output()
    const log = make(out, least)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, level)
    expect(out.lines).toHaveLength(count)
  }
})
