import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { connectLake } from '@mindtrace/client'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { Upload, type UploadOptions } from 'tus-js-client'
import { describe, expect, test } from 'vitest'
import { startCli } from './cli/run-cli.ts'
import { freePort } from './servers/child-server.ts'

const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''
const MB = 1_000_000

/** Bytes that differ everywhere, so that none can take another's place. */
function someBytes(size: number): Buffer {
  const made = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4)
    made.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
  return made
}

/** A folder for a lake, and processes that serve it, all at one port. */
async function place(mount: string | undefined) {
  const folder = await temporaryFolder()
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = process.env
  const serve = async () => {
    const mounts =
      mount === undefined ? [] : ['--mount', `main=${mount}`, '--default-mount', 'main']
    const running = startCli(
      ['serve', '--lake', join(folder.path, 'lake'), '--port', String(port), ...mounts],
      { env: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_EC2_METADATA_DISABLED: 'true' } },
    )
    await running.saw(address)
    return {
      kill: async () => {
        running.process.kill('SIGKILL')
        await running.finished
      },
    }
  }
  return { address, serve, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

function upload(address: string, file: Buffer, options: Partial<UploadOptions>) {
  const done = Promise.withResolvers<void>()
  const started = new Upload(file, {
    endpoint: `${address}/v1/tus`,
    metadata: { filename: 'clips/täst.bin', filetype: 'video/mp4', metadata: '{"camera":"left"}' },
    retryDelays: Array.from({ length: 100 }, () => 100),
    onSuccess: () => done.resolve(),
    onError: (error) => done.reject(error),
    ...options,
  })
  return { upload: started, done: done.promise }
}

async function stored(address: string) {
  await using lake = connectLake(address)
  const { body, mediaType } = await lake.streams.readObject({
    mount: 'main',
    name: 'clips/täst.bin',
  })
  const { metadata } = await lake.objects.head({
    storage_ref: { mount: 'main', name: 'clips/täst.bin', version: null },
  })
  return { bytes: Buffer.from(await bytesOf(body, 100 * MB)), mediaType, metadata }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const places: [string, () => string | undefined][] = [['on disk', () => undefined]]
if (s3 !== '') {
  places.push([
    'in a bucket',
    () => `s3://tus-${randomUUID()}/lake?endpoint=${s3}&region=us-east-1`,
  ])
}

describe.each(places)('the official tus client, %s', (_name, mountOf) => {
  test('uploads at one go, and in pieces', async () => {
    await using at = await place(mountOf())
    const service = await at.serve()
    const file = someBytes(12 * MB)
    for (const chunkSize of [Number.POSITIVE_INFINITY, 5 * MB]) {
      const { upload: one, done } = upload(at.address, file, { chunkSize, retryDelays: null })
      one.start()
      await done
      const found = await stored(at.address)
      expect(sha256(found.bytes)).toBe(sha256(file))
      expect(found.mediaType).toBe('video/mp4')
      expect(JSON.stringify(found.metadata)).toContain('"camera":"left"')
    }
    await service.kill()
  })

  test('goes on in another process after the first was killed in the middle', async () => {
    await using at = await place(mountOf())
    const first = await at.serve()
    const file = someBytes(30 * MB)
    const offsets: number[] = []
    const killed = Promise.withResolvers<void>()
    let isKilled = false
    const { upload: one, done } = upload(at.address, file, {
      chunkSize: 6 * MB,
      onProgress: (sent) => {
        if (isKilled || sent <= 13 * MB) return
        isKilled = true
        void first.kill().then(killed.resolve)
      },
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'HEAD')
          offsets.push(Number(response.getHeader('upload-offset')))
      },
    })
    one.start()
    await killed.promise
    const second = await at.serve()
    await done
    // Two pieces had been answered, so they were not sent again.
    expect(offsets.some((offset) => offset >= 12 * MB)).toBe(true)
    expect(sha256((await stored(at.address)).bytes)).toBe(sha256(file))
    await second.kill()
  })
})

const tus = { 'tus-resumable': '1.0.0' }
const named = { 'upload-metadata': `name ${Buffer.from('thing').toString('base64')}` }
const part = { 'content-type': 'application/offset+octet-stream' }

describe('the tus protocol', () => {
  test('is kept: offer, creation, checksum, offsets, termination', async () => {
    await using at = await place(undefined)
    const service = await at.serve()
    const ask = (method: string, path: string, headers: Record<string, string>, body?: string) =>
      fetch(new URL(path, at.address), { method, headers, ...(body === undefined ? {} : { body }) })
    const offer = await ask('OPTIONS', '/v1/tus', {})
    expect([offer.status, offer.headers.get('tus-version')]).toEqual([204, '1.0.0'])
    expect(offer.headers.get('tus-extension')?.split(',')).toEqual(
      expect.arrayContaining(['creation', 'expiration', 'termination', 'checksum']),
    )
    const refused: [Record<string, string>, number][] = [
      [{ ...named, 'upload-length': '3' }, 412],
      [{ ...tus, ...named }, 400],
      [{ ...tus, ...named, 'upload-length': '-1' }, 400],
      [{ ...tus, ...named, 'upload-length': '1e3' }, 400],
      [{ ...tus, ...named, 'upload-defer-length': '1' }, 400],
      [{ ...tus, ...named, 'upload-length': '9'.repeat(15) }, 413],
      [{ ...tus, 'upload-length': '3' }, 400],
      [{ ...tus, 'upload-length': '3', 'upload-metadata': 'name ???' }, 400],
      [{ ...tus, 'upload-length': '3', 'upload-metadata': 'name Li4veA==' }, 400],
    ]
    for (const [headers, status] of refused) {
      expect((await ask('POST', '/v1/tus', headers)).status, JSON.stringify(headers)).toBe(status)
    }
    const length = { 'upload-length': '6' }
    const begun = await ask('POST', '/v1/tus', { ...tus, ...named, ...length, ...part }, 'abc')
    expect([begun.status, begun.headers.get('upload-offset')]).toEqual([201, '3'])
    expect(Date.parse(begun.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now())
    const path = begun.headers.get('location') as string
    const patch = (headers: Record<string, string>, body: string) =>
      ask('PATCH', path, { ...tus, ...part, ...headers }, body)
    const sum = (text: string) => createHash('sha1').update(text).digest('base64')
    const steps: [Record<string, string>, string, number][] = [
      [{ 'upload-offset': '2' }, 'cd', 409],
      [{ 'upload-offset': 'x' }, 'de', 400],
      [{ 'upload-offset': '3', 'content-type': 'text/plain' }, 'de', 415],
      [{ 'upload-offset': '3', 'upload-checksum': `sha1 ${sum('other')}` }, 'de', 460],
      [{ 'upload-offset': '3', 'upload-checksum': 'crc32 AAAA' }, 'de', 400],
      [{ 'upload-offset': '3' }, 'defgh', 413],
      [{ 'upload-offset': '3', 'upload-checksum': `sha1 ${sum('de')}` }, 'de', 204],
    ]
    for (const [headers, body, status] of steps) {
      expect((await patch(headers, body)).status, JSON.stringify(headers)).toBe(status)
    }
    const head = await ask('HEAD', path, tus)
    expect([
      head.status,
      head.headers.get('upload-offset'),
      head.headers.get('upload-length'),
    ]).toEqual([200, '5', '6'])
    expect(head.headers.get('cache-control')).toBe('no-store')
    const other = `${path}x`
    expect((await ask('HEAD', other, tus)).status).toBe(403)
    expect((await ask('HEAD', '/v1/tus/nothing', tus)).status).toBe(404)
    const override = { ...tus, ...part, 'upload-offset': '5', 'x-http-method-override': 'PATCH' }
    expect((await ask('POST', path, override, 'f')).status).toBe(204)
    const after = await ask('HEAD', path, tus)
    expect([after.status, after.headers.get('upload-offset')]).toEqual([200, '6'])
    expect(await (await ask('GET', '/v1/objects/main/thing', {})).text()).toBe('abcdef')

    const doomed = await ask('POST', '/v1/tus', { ...tus, ...named, ...length })
    const gone = doomed.headers.get('location') as string
    expect((await ask('DELETE', gone, tus)).status).toBe(204)
    expect((await ask('HEAD', gone, tus)).status).toBe(410)
    const late = await ask('PATCH', gone, { ...tus, ...part, 'upload-offset': '0' }, 'abc')
    expect(late.status).toBe(410)
    const nothing = await ask('POST', '/v1/tus', { ...tus, ...named, 'upload-length': '0' })
    expect([nothing.status, nothing.headers.get('upload-offset')]).toEqual([201, '0'])
    expect(await (await ask('GET', '/v1/objects/main/thing', {})).text()).toBe('')
    await service.kill()
  })
})
