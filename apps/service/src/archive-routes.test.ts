import { once } from 'node:events'
import { connect } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { type ByteStream, bytesOf, MindtraceError } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, recordingLog, testApp } from './testing/test-app.ts'

const path = '/v1/archives/dataset?dataset_name=hands&version=1'
/** What ends an archive. */
const end = new Uint8Array(1024)

/** A lake with one archive: these chunks, and then what it fails with. */
function lakeOf(chunks: Iterable<Uint8Array>, failure?: Error) {
  const state = { pulled: 0, asked: [] as unknown[], left: Promise.withResolvers<void>() }
  const read = async (input: unknown) => {
    state.asked.push(input)
    const iterator = chunks[Symbol.iterator]()
    const body: ByteStream = new ReadableStream(
      {
        pull(controller) {
          const next = iterator.next()
          if (!next.done) {
            state.pulled += 1
            controller.enqueue(next.value)
          } else if (failure === undefined) controller.close()
          else controller.error(failure)
        },
        cancel: () => state.left.resolve(),
      },
      { highWaterMark: 0 },
    )
    return { body, fileName: 'hands@1.tar' }
  }
  const streams = { archiveDataset: read, archiveAssets: read, archiveObjects: read }
  return { lake: fakeLake({}, streams), state }
}

describe('an archive', () => {
  test('is saved under its name, and asked for as it is meant', async () => {
    const { lake, state } = lakeOf([end])
    const app = testApp(lake)
    for (const [suffix, payloads] of [
      ['', true],
      ['&payloads=true', true],
      ['&payloads=false', false],
    ] as const) {
      const response = await app.request(`${path}${suffix}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/x-tar')
      expect(response.headers.get('content-disposition')).toBe(
        `attachment; filename*=UTF-8''hands%401.tar`,
      )
      expect((await response.arrayBuffer()).byteLength).toBe(1024)
      expect(state.asked.pop()).toEqual({ dataset_name: 'hands', version: '1', payloads })
    }
    const objects = { objects: [{ mount: 'main', name: 'a', version: null }] }
    expect((await post(app, '/v1/archives/objects', objects)).status).toBe(200)
    expect(state.asked.pop()).toEqual(objects)
    expect((await post(app, '/v1/archives/assets')).status).toBe(200)
    expect(state.asked.pop()).toMatchObject({ payloads: true })
  })

  test('is not made for HEAD', async () => {
    const { lake, state } = lakeOf([end])
    const response = await testApp(lake).request(path, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    await state.left.promise
    expect(state.pulled).toBe(0)
  })

  test.each([
    ['GET', '/v1/archives/dataset', undefined, 400],
    ['GET', '/v1/archives/dataset?dataset_name=x', undefined, 400],
    ['GET', `${path}&payloads=maybe`, undefined, 400],
    ['POST', '/v1/archives/objects', '{"objects":[]}', 422],
    ['POST', '/v1/archives/objects', '{"objects":[{"mount":1}]}', 422],
    ['POST', '/v1/archives/objects', '', 422],
    ['POST', '/v1/archives/assets', '{', 422],
    ['POST', '/v1/archives/assets', '{"sort":1}', 422],
    ['POST', '/v1/archives/dataset', '{}', 405],
    ['GET', '/v1/archives/assets', undefined, 405],
    ['GET', '/v1/archives/nothing', undefined, 404],
  ])('asked for by %s %s %s is refused', async (method, url, body, status) => {
    const { lake } = lakeOf([end])
    const init = body === undefined ? { method } : { method, body }
    expect((await testApp(lake).request(url, init)).status).toBe(status)
  })

  test('that ends early is an error at the client, whoever cut it', async () => {
    const whole = lakeOf([new Uint8Array(512).fill(1), end])
    const dataset = { dataset_name: 'hands', version: '1' }
    const read = async (lake: ReturnType<typeof lakeOf>['lake']) => {
      const { body, fileName } = await clientOf(testApp(lake)).streams.archiveDataset(dataset)
      expect(fileName).toBe('hands@1.tar')
      return await bytesOf(body, 10_000)
    }
    expect((await read(whole.lake)).byteLength).toBe(1536)
    const cut = { code: 'UNAVAILABLE' }
    await expect(read(lakeOf([]).lake)).rejects.toMatchObject(cut)
    await expect(read(lakeOf([new Uint8Array(512).fill(1)]).lake)).rejects.toMatchObject(cut)
    const zeros = new Uint8Array(512)
    await expect(read(lakeOf([zeros]).lake)).rejects.toMatchObject(cut)
    const split = [new Uint8Array(512).fill(1), zeros, zeros]
    expect((await read(lakeOf(split).lake)).byteLength).toBe(1536)
  })
})

describe('an archive over a socket', () => {
  test('that fails breaks the connection off, and the log says why', async () => {
    const log = recordingLog()
    const { lake } = lakeOf([new Uint8Array(1024)], new MindtraceError('CORRUPT', 'another hash'))
    await using service = await startService({ app: testApp(lake, { log }), port: 0 })
    const { body } = await connectLake(service.address).streams.archiveDataset({
      dataset_name: 'hands',
      version: '1',
    })
    await expect(bytesOf(body, 10_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const socket = connect(service.port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    // The chunk of length 0 that ends a whole answer never came.
    expect(answer.endsWith('0\r\n\r\n')).toBe(false)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2)
  })

  test('waits for a slow reader, and is left when it goes', async () => {
    function* endless() {
      for (;;) yield new Uint8Array(65_536)
    }
    const { lake, state } = lakeOf(endless())
    await using service = await startService({ app: testApp(lake), port: 0, closeTimeoutMs: 100 })
    const socket = connect(service.port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await once(socket, 'readable')
    socket.read()
    // Until nothing is asked of the lake any more: what the kernel buffers is full then.
    for (let last = -1, calm = 0; calm < 50; ) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      calm = state.pulled === last ? calm + 1 : 0
      last = state.pulled
    }
    expect(state.pulled * 65_536).toBeLessThan(32 * 1024 * 1024)
    socket.destroy()
    await state.left.promise
  })
})
