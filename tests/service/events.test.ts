import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { backEnds, type ServedLake, serveWithKeys } from '../access/served-lake.ts'

interface Told {
  readonly event: string
  readonly id: string | undefined
  readonly data: { readonly task?: string; readonly ids?: Record<string, string> }
}

/** A client of the events, with all that it was told. */
async function listen(
  { address, keys }: Pick<ServedLake, 'address' | 'keys'>,
  { query = '', after }: { readonly query?: string; readonly after?: string | undefined } = {},
) {
  const response = await fetch(`${address}/v1/events${query}`, {
    headers: {
      'x-api-key': keys.reader,
      ...(after === undefined ? {} : { 'last-event-id': after }),
    },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  const told: Told[] = []
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() as string
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
        const [event, data] = [field('event'), field('data')]
        if (event === undefined || data === undefined) continue
        told.push({ event, id: field('id'), data: JSON.parse(data) })
      }
    }
  }
  const ended = read()
  ended.catch(() => {})
  const tasks = () => told.map(({ data }) => data.task)
  return {
    told,
    tasks,
    ended,
    until: async (count: number) => {
      while (told.length < count) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    [Symbol.asyncDispose]: async () => {
      await reader.cancel()
    },
  }
}

describe.each(backEnds.filter(([, , isLeftOut]) => !isLeftOut))('events on %s', (_name, kind) => {
  test('tell each listener what was done, once, and nothing of who did it', async () => {
    await using served = await serveWithKeys(kind)
    await using all = await listen(served)
    await using some = await listen(served, { query: '?task=collections&task=writeObject' })
    const lake = served.as(served.keys.writer)
    const { collection } = await lake.collections.create({ name: 'trains' })
    await lake.objects.put({ mount: 'main', name: 'a', data_base64: 'AAAA' })
    await lake.streams.writeObject({ mount: 'main', name: 'b' }, new Uint8Array(3))
    await expect(lake.collections.get({ id: 'none' })).rejects.toThrow()
    await expect(lake.datalake.wipe({})).rejects.toThrow()
    await served.key('reader')
    await all.until(3)
    await some.until(2)
    // Until what was read again has been read again.
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(all.tasks()).toEqual(['collections.create', 'objects.put', 'writeObject'])
    expect(some.tasks()).toEqual(['collections.create', 'writeObject'])
    expect(all.told[0]?.data.ids).toMatchObject({
      name: 'trains',
      collection_id: collection.collection_id,
    })
    expect(JSON.stringify(all.told)).not.toMatch(/the writer|actor|AAAA/)
  })

  test('go on after the last one that a client had', async () => {
    await using served = await serveWithKeys(kind)
    const lake = served.as(served.keys.writer)
    const first = await listen(served)
    await lake.collections.create({ name: 'one' })
    await first.until(1)
    await first[Symbol.asyncDispose]()
    await lake.collections.create({ name: 'two' })
    await using again = await listen(served, { after: first.told[0]?.id })
    await lake.collections.create({ name: 'three' })
    await again.until(2)
    expect(again.told.map(({ data }) => data.ids?.name)).toEqual(['two', 'three'])
  })

  test('come from every process that serves the lake', async () => {
    await using served = await serveWithKeys(kind)
    const { serve } = await import('@mindtrace/service')
    await using second = await serve({ lake: served.elsewhere, port: 0 })
    await using listener = await listen({ ...served, address: second.address })
    await served.as(served.keys.writer).collections.create({ name: 'over there' })
    await listener.until(1)
    expect(listener.tasks()).toEqual(['collections.create'])
  })
})

test('events end with the service', async () => {
  await using served = await serveWithKeys('sqlite')
  await using listener = await listen(served)
  await served.close()
  await listener.ended.catch(() => {})
})

test('events are refused without a key, to keys with scopes, and for what does not exist', async () => {
  await using served = await serveWithKeys('sqlite')
  const scoped = await served.key('reader', { mounts: ['main'] })
  const get = async (path: string, headers: Record<string, string>, method = 'GET') => {
    const response = await fetch(`${served.address}${path}`, { headers, method })
    return [response.status, await response.text()] as const
  }
  const reader = { 'x-api-key': served.keys.reader }
  expect((await get('/v1/events', {}))[0]).toBe(401)
  expect((await get('/v1/events', { 'x-api-key': scoped }))[0]).toBe(403)
  const [status, text] = await get('/v1/events?task=assets&task=nonsense', reader)
  expect([status, text]).toEqual([400, expect.stringContaining('nonsense')])
  const [refused, why] = await get('/v1/events', { ...reader, 'last-event-id': 'x' })
  expect([refused, why]).toEqual([400, expect.stringContaining('Last-Event-ID')])
  expect((await get('/v1/events', reader, 'HEAD'))[0]).toBe(405)
  expect((await get('/v1/events', reader, 'POST'))[0]).toBe(405)
})

test('a client that takes no events is cut off, and the others are not', async () => {
  await using served = await serveWithKeys('sqlite')
  await using listener = await listen(served)
  const slow = connect(served.port, '127.0.0.1')
  slow.pause()
  slow.write(
    `GET /v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${served.keys.reader}\r\n\r\n`,
  )
  const closed = once(slow, 'close')
  slow.on('error', () => {})
  const lake = served.as(served.keys.writer)
  const long = 'n'.repeat(180)
  // Enough to fill the buffers of the kernel, of the socket and of the stream.
  let count = 0
  while (count < 9_000) {
    await served.lake.access.record(
      Array.from({ length: 1_500 }, (_, index) => ({
        audit_id: `audit_${(count + index).toString(16).padStart(32, '0')}`,
        at: new Date().toISOString(),
        actor: 'local',
        actor_name: null,
        task: 'collections.update',
        ids: Object.fromEntries(Array.from({ length: 12 }, (_, one) => [`id_${one}`, long])),
        outcome: 'done' as const,
        error: null,
        request_id: null,
      })),
    )
    count += 1_500
    await listener.until(count)
  }
  // A socket that is paused sees no end; one that was not cut off would see none now.
  slow.resume()
  await closed
  expect(slow.bytesRead).toBeLessThan(count * 2_000)
  await lake.collections.create({ name: 'after' })
  await listener.until(count + 1)
  expect(listener.told.at(-1)?.data.ids?.name).toBe('after')
})
