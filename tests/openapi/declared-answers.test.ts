import { DeclaredAnswers, openApiDocument } from '@mindtrace/service/testing'
import { expect, test } from 'vitest'
import { bodyCheck } from './body-check.ts'

const document = openApiDocument('1.2.3')

async function faultsOf(
  method: string,
  path: string,
  response: Response,
): Promise<readonly string[]> {
  const declared = new DeclaredAnswers(document, { bodies: bodyCheck(document) })
  await declared.compare({ method, url: `http://lake.test${path}` }, response)
  return declared.take()
}

test('what the document declares is no fault', async () => {
  expect(await faultsOf('POST', '/status', Response.json({ status: 'Available' }))).toEqual([])
  expect(await faultsOf('POST', '/assets.delete', Response.json(null))).toEqual([])
  const missing = Response.json({ detail: 'no asset a' }, { status: 404 })
  expect(await faultsOf('POST', '/assets.get', missing)).toEqual([])
  const bytes = new Response('x', { headers: { 'content-type': 'image/png' } })
  expect(await faultsOf('GET', '/v1/objects/main/a/b%2Fc', bytes)).toEqual([])
  expect(await faultsOf('GET', '/nothing', new Response(null, { status: 404 }))).toEqual([])
})

test('a status, a type, a body, a method or a path that it does not declare is one', async () => {
  const text = new Response('fine')
  expect(await faultsOf('POST', '/status', text)).toEqual([
    'POST /status 200: text/plain instead of application/json',
  ])
  expect(await faultsOf('POST', '/status', Response.json({}, { status: 409 }))).toEqual([
    'POST /status 409',
  ])
  expect(await faultsOf('POST', '/status', Response.json({ status: 'Fine' }))).toEqual([
    'POST /status 200: body/status must be equal to one of the allowed values',
  ])
  const wrong = Response.json({ detail: 5 }, { status: 404 })
  expect(await faultsOf('POST', '/assets.get', wrong)).toEqual([
    expect.stringContaining('POST /assets.get 404: body/detail must be string'),
  ])
  expect(await faultsOf('PUT', '/status', Response.json({}))).toEqual([
    'PUT /status 200: the method is not described',
  ])
  expect(await faultsOf('PUT', '/status', Response.json({}, { status: 405 }))).toEqual([
    'PUT /status 405: the header Allow is missing',
  ])
  expect(await faultsOf('GET', '/nothing', Response.json({}))).toEqual([
    'GET /nothing is not described',
  ])
})
