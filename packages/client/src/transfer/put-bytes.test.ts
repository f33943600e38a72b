import { expect, test } from 'vitest'
import { putBytes, type SignedPut } from './put-bytes.ts'

type Answer = number | 'broken'

/** A store that answers as told, one answer a request. */
function store(...answers: readonly Answer[]) {
  const urls: string[] = []
  let signed = 0
  const fetch = async (url: unknown) => {
    urls.push(String(url))
    const answer = answers[urls.length - 1] ?? 200
    if (answer === 'broken') throw new TypeError('fetch failed')
    const body = answer === 200 ? '' : `<Error><Code>Code${answer}</Code></Error>`
    return new Response(body, { status: answer, headers: { 'retry-after': '0.001' } })
  }
  const sign = async (): Promise<SignedPut> => {
    signed += 1
    return { url: `http://store.test/key?secret=${signed}`, headers: {} }
  }
  return { urls, signed: () => signed, options: { fetch: fetch as typeof globalThis.fetch, sign } }
}

const bytes = new Uint8Array(3)

test('failures that may pass are tried again, with the same signature', async () => {
  const { urls, signed, options } = store(503, 'broken', 500, 429)
  await putBytes(bytes, options)
  expect([urls.length, signed()]).toEqual([5, 1])
})

test('a signature that is over is replaced once', async () => {
  const expired = store(403)
  await putBytes(bytes, expired.options)
  expect(expired.urls.at(-1)).toContain('secret=2')
  const forbidden = store(403, 403)
  await expect(putBytes(bytes, forbidden.options)).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test.each([
  [[404], 'NOT_FOUND', 1],
  [[400], 'FORBIDDEN', 1],
  [[503, 503, 503, 503, 503, 503], 'UNAVAILABLE', 6],
] as const)('answers %j end in %s after %i requests', async (answers, code, requests) => {
  const { urls, options } = store(...answers)
  const error = await putBytes(bytes, options).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code })
  expect(String(error)).not.toContain('secret')
  expect(urls).toHaveLength(requests)
})

test('an abort ends the pauses too', async () => {
  const abort = new AbortController()
  const { options } = store('broken')
  const putting = putBytes(bytes, { ...options, signal: abort.signal })
  setTimeout(() => abort.abort(new Error('enough')), 5)
  await expect(putting).rejects.toThrow('enough')
})
