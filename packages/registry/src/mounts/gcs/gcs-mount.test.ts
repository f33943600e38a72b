import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf, newToken } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openMount } from '../../mount-url.ts'
import { collect } from '../../testing/collect.ts'
import { describeCopies } from '../../testing/describe-copies.ts'
import { describePayloadCache } from '../../testing/describe-payload-cache.ts'
import { describeMount, describeRegistry, someBytes, someStream } from '../../testing/index.ts'
import { GcsMount, openGcsMount } from './index.ts'

const endpoint = process.env.MINDTRACE_TEST_GCS_ENDPOINT ?? ''
const isMissing = endpoint === ''
const bucket = `mindtrace-test-${newToken().slice(0, 12)}`
const mebibyte = 1024 * 1024

const text = (bytes: string) => new TextEncoder().encode(bytes)
const read = async (mount: GcsMount, key: string) =>
  new TextDecoder().decode(await bytesOf((await mount.read(key)).body, 1e9))
const keysOf = async (mount: GcsMount, prefix = '') =>
  (await collect(mount.list(prefix))).map(({ key }) => key)

/** A mount in a folder of its own, which is emptied at the end. */
function gcsMount(prefix = newToken(), ownBucket = bucket) {
  const mount = new GcsMount({ bucket: ownBucket, prefix, endpoint })
  const dispose = mount[Symbol.asyncDispose].bind(mount)
  return Object.assign(mount, {
    prefix,
    [Symbol.asyncDispose]: async () => {
      await mount.sweep({ olderThanMs: 0 })
      if (await mount.isThere()) await mount.deleteMany(await keysOf(mount))
      await dispose()
    },
  })
}

afterAll(async () => {
  if (isMissing) return
  for (const name of [bucket, `${bucket}-new`, `${bucket}-2`]) {
    await fetch(`${endpoint}/storage/v1/b/${name}`, { method: 'DELETE' })
  }
})

describe.skipIf(isMissing)('with a store', () => {
  withAnAccount()
  describeMount('gcs', {
    create: () => gcsMount(),
    createMissing: () => {
      const name = `mindtrace-test-${newToken().slice(0, 12)}`
      const mount = gcsMount('', name)
      const dispose = mount[Symbol.asyncDispose].bind(mount)
      return Object.assign(mount, {
        missingBucket: name,
        [Symbol.asyncDispose]: async () => {
          await dispose()
          await fetch(`${endpoint}/storage/v1/b/${name}`, { method: 'DELETE' })
        },
      })
    },
  })
  describeRegistry('gcs', { create: () => gcsMount() })
  describeCopies('gcs, to another bucket', {
    isRemote: true,
    isByStore: true,
    create: () => ({ from: gcsMount(), to: gcsMount(newToken(), `${bucket}-2`) }),
  })
  describePayloadCache('gcs', { isRemote: true, create: () => gcsMount() })
})

describe.skipIf(isMissing)('a GCS mount', () => {
  const account = withAnAccount()
  afterEach(() => vi.unstubAllEnvs())

  it('makes its bucket with the first write, also when two writers meet', async () => {
    await using mount = new GcsMount({ bucket: `${bucket}-new`, endpoint })
    expect(mount.location).toBe(`gs://${bucket}-new`)
    await Promise.all([mount.write('a', text('1')), mount.write('b', someStream(10 * mebibyte))])
    expect(await keysOf(mount)).toEqual(['a', 'b'])
    await mount.deleteMany(['a', 'b'])
  })

  it('opens addresses', async () => {
    const place = `gs://${bucket}/some/${newToken()}`
    const openers = { gs: openGcsMount }
    const registry = await openMount(`${place}/?endpoint=${endpoint}&project=p`, { openers })
    expect(registry.mount.location).toBe(place)
    await registry.put('x', text('x'))
    vi.stubEnv('STORAGE_EMULATOR_HOST', endpoint.replace('http://', ''))
    const again = await openMount(place, { openers })
    expect(await again.has('x')).toBe(true)
    for (const address of [
      'gs://',
      'gs://UPPER_case!',
      `${place}?secret=1`,
      `${place}?endpoint=ftp://x`,
      `${place}?endpoint=http://user:pass@x`,
      `gs://${bucket}/a//b`,
      `gs://${bucket}/%zz`,
      `gs://${bucket}/a#b`,
    ]) {
      const opened = openMount(address, { openers })
      await expect(opened, address).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      await expect(opened).rejects.not.toThrow('pass')
    }
  })

  it.each([
    ['a chunk', 8 * mebibyte],
    ['a chunk and a byte', 8 * mebibyte + 1],
    ['whole chunks', 24 * mebibyte],
    ['chunks and some', 20 * mebibyte + 12_345],
  ])('stores streams and arrays of %s', async (_, size) => {
    await using mount = gcsMount()
    const whole = await bytesOf(someStream(size, 1_000_003), 1e9)
    const written = await mount.write('stream', someStream(size, 1_000_003))
    expect(written).toMatchObject({ sizeBytes: size, sha256: sha256Hex(whole) })
    expect((await mount.write('array', whole)).sha256).toBe(written.sha256)
    for (const key of ['stream', 'array']) {
      const { body, sizeBytes, etag } = await mount.read(key)
      expect(sizeBytes).toBe(size)
      expect(etag).toBe((await mount.head(key))?.etag)
      expect(sha256Hex(await bytesOf(body, 1e9))).toBe(written.sha256)
    }
  })

  it('lists 2,500 keys over pages, with folders of one level among them', async () => {
    await using mount = gcsMount()
    const keys = Array.from({ length: 2500 }, (_, index) => {
      const number = String(index).padStart(4, '0')
      return index % 50 === 0 ? `${number}/in/side` : `${number}-é`
    })
    const lanes = Array.from({ length: 25 }, (_, lane) => lane)
    await Promise.all(
      lanes.map(async (lane) => {
        for (const key of keys.filter((__, at) => at % 25 === lane))
          await mount.write(key, text(key))
      }),
    )
    expect(await keysOf(mount)).toEqual(keys)
    expect(await collect(mount.listFolder(''))).toEqual(
      keys.map((key) =>
        key.endsWith('side')
          ? { kind: 'folder', key: `${key.slice(0, 4)}/` }
          : { kind: 'object', key },
      ),
    )
    for await (const { key } of mount.list('')) if (key === keys[1200]) break
    const stop = new AbortController()
    const reason = new Error('stop')
    const listing = (async () => {
      for await (const { key } of mount.list('', { signal: stop.signal })) {
        if (key === keys[1100]) stop.abort(reason)
      }
    })()
    await expect(listing).rejects.toBe(reason)
    await mount.deleteMany(keys)
    expect(await keysOf(mount)).toEqual([])
  }, 120_000)

  it('copies, with another media type too, and says when there is nothing', async () => {
    await using mount = gcsMount()
    await mount.write('a', text('bytes'), { contentType: 'image/png' })
    const copied = await mount.copy('a', 'b/c')
    expect(copied).toMatchObject({
      key: 'b/c',
      sizeBytes: 5,
      etag: (await mount.head('b/c'))?.etag,
    })
    await mount.copy('a', 'b/d', { contentType: 'image/jpeg' })
    expect(await read(mount, 'b/d')).toBe('bytes')
    expect(await contentTypeOf(mount.prefix, 'b/c')).toBe('image/png')
    expect(await contentTypeOf(mount.prefix, 'b/d')).toBe('image/jpeg')
    await expect(mount.copy('none', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('refuses keys that the store or the mount cannot keep', async () => {
    await using mount = gcsMount('p'.repeat(200))
    const refused = { code: 'INVALID_INPUT' }
    for (const key of ['a\nb', 'a\rb', '.mt-staging/x', `${'x/'.repeat(500)}x`]) {
      await expect(mount.write(key, text('x'))).rejects.toMatchObject(refused)
      await expect(mount.read(key)).rejects.toMatchObject(refused)
    }
    const contentType = 'text/plain\r\nx-evil: 1'
    await expect(mount.write('a', text('x'), { contentType })).rejects.toMatchObject(refused)
    const both = { ifAbsent: true, ifEtag: '1' }
    await expect(mount.write('a', text('x'), both)).rejects.toMatchObject(refused)
  })

  it('stops a read and a write at once when they are aborted', async () => {
    await using mount = gcsMount()
    await mount.write('x', someBytes(9 * mebibyte))
    const stop = new AbortController()
    const reason = new Error('stop')
    const { body } = await mount.read('x', { signal: stop.signal })
    const reader = body.getReader()
    await reader.read()
    stop.abort(reason)
    const rest = async () => {
      while (!(await reader.read()).done);
    }
    await expect(rest()).rejects.toBe(reason)
    const { signal } = stop
    await expect(mount.head('x', { signal })).rejects.toBe(reason)
    await expect(mount.copy('x', 'y', { signal })).rejects.toBe(reason)
    await expect(mount.delete('x', { signal })).rejects.toBe(reason)
    expect(await keysOf(mount)).toEqual(['x'])
  })

  it('throws after it is disposed', async () => {
    const mount = gcsMount()
    await mount[Symbol.asyncDispose]()
    await expect(mount.head('x')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  describe('uploads in parts', () => {
    it('go on in another client, and show when they are complete', async () => {
      await using mount = gcsMount()
      const pieces = [someBytes(3_000_000, 1), someBytes(9_000_000, 2), someBytes(17, 3)]
      const upload = await mount.beginParts('big', { contentType: 'video/mp4' })
      await mount.writePart(upload, 2, pieces[1] ?? text(''))
      await mount.writePart(upload, 1, text('wrong'))
      await using other = new GcsMount({ bucket, prefix: mount.prefix, endpoint })
      expect(await other.listParts(upload)).toMatchObject([
        { number: 1, sizeBytes: 5 },
        { number: 2, sizeBytes: 9_000_000 },
      ])
      const first = await other.writePart(upload, 1, pieces[0] ?? text(''))
      await other.writePart(upload, 3, pieces[2] ?? text(''))
      expect(await keysOf(other)).toEqual([])
      expect(await collect(other.listFolder(''))).toEqual([])
      const parts = await other.listParts(upload)
      expect(parts[0]).toEqual(first)
      const made = await other.completeParts(upload, parts, { ifAbsent: true })
      expect(made).toMatchObject({ key: 'big', sizeBytes: 12_000_017 })
      const { body } = await mount.read('big')
      expect(sha256Hex(await bytesOf(body, 1e9))).toBe(sha256Hex(Buffer.concat(pieces)))
      expect(await contentTypeOf(mount.prefix, 'big')).toBe('video/mp4')
      expect(await keysOf(mount, '.mt-staging/')).toEqual([])
      const over = { code: 'NOT_FOUND' }
      await expect(mount.listParts(upload)).rejects.toMatchObject(over)
      await expect(mount.writePart(upload, 1, text('x'))).rejects.toMatchObject(over)
      await expect(mount.completeParts(upload, parts)).rejects.toMatchObject(over)
      await mount.abortParts(upload)
    })

    it('of more parts than one request composes keep their order', async () => {
      await using mount = gcsMount()
      const upload = await mount.beginParts('many')
      const numbers = Array.from({ length: 1060 }, (_, index) => index + 1)
      const lanes = Array.from({ length: 16 }, (_, lane) => lane)
      await Promise.all(
        lanes.map(async (lane) => {
          for (const number of numbers.filter((at) => at % 16 === lane)) {
            await mount.writePart(upload, number, text(`${number};`))
          }
        }),
      )
      await mount.completeParts(upload, await mount.listParts(upload))
      expect(await read(mount, 'many')).toBe(numbers.map((number) => `${number};`).join(''))
      expect(await keysOf(mount, '.mt-staging/')).toEqual([])
    })

    it('leave nothing when they are dropped', async () => {
      await using mount = gcsMount()
      const upload = await mount.beginParts('x')
      await mount.writePart(upload, 1, text('x'))
      await mount.abortParts(upload)
      await mount.abortParts(upload)
      await expect(mount.listParts(upload)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await mount.sweep({ olderThanMs: 0 })).toBe(0)
    })

    it('that were left are swept when they are old', async () => {
      await using mount = gcsMount()
      for (const key of ['x', 'y']) {
        await mount.writePart(await mount.beginParts(key), 1, text('x'))
      }
      await mount.write('kept', text('kept'))
      expect(await mount.sweep({ olderThanMs: 60_000 })).toBe(0)
      expect(await mount.sweep({ olderThanMs: 0 })).toBe(2)
      expect(await keysOf(mount, '.mt-staging/')).toEqual([])
      expect(await keysOf(mount)).toEqual(['kept'])
    })

    it('refuse what the store does not have, and to replace when asked not to', async () => {
      await using mount = gcsMount()
      const upload = await mount.beginParts('x')
      const part = await mount.writePart(upload, 1, text('new'))
      const refused = { code: 'INVALID_INPUT' }
      for (const parts of [
        [],
        [part, part],
        [part, { ...part, number: 2 }],
        [{ ...part, etag: '1' }],
        [{ ...part, number: 0 }],
      ]) {
        await expect(mount.completeParts(upload, parts)).rejects.toMatchObject(refused)
      }
      await expect(mount.writePart(upload, 10_001, text('x'))).rejects.toMatchObject(refused)
      await mount.write('x', text('old'))
      const ifAbsent = mount.completeParts(upload, [part], { ifAbsent: true })
      await expect(ifAbsent).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' })
      expect(await read(mount, 'x')).toBe('old')
      await mount.completeParts(upload, [part])
      expect(await read(mount, 'x')).toBe('new')
    })

    it('take no id that was not made here, nor that of another key', async () => {
      await using mount = gcsMount()
      const { uploadId } = await mount.beginParts('x')
      const absent = { code: 'NOT_FOUND' }
      for (const upload of [
        { key: 'x', uploadId: '../../x' },
        { key: 'x', uploadId: `${uploadId}/../..` },
        { key: 'y', uploadId },
      ]) {
        await expect(mount.writePart(upload, 1, text('x'))).rejects.toMatchObject(absent)
        await expect(mount.completeParts(upload, [])).rejects.toMatchObject(absent)
        await expect(mount.listParts(upload)).rejects.toMatchObject(absent)
      }
    })
  })

  describe('signed requests', () => {
    it('move bytes without credentials', async () => {
      await using mount = gcsMount()
      const key = 'a b/ü(1)+%41.txt'
      const put = await mount.signWrite(key, { expiresInMs: 60_000, contentType: 'text/plain' })
      expect(put).toMatchObject({ method: 'PUT', headers: { 'Content-Type': 'text/plain' } })
      const sent = await fetch(put.url, { method: 'PUT', headers: put.headers, body: 'hello' })
      expect(sent.status).toBe(200)
      expect(await read(mount, key)).toBe('hello')
      const get = await mount.signRead(key, {
        expiresInMs: 60_000,
        contentType: 'application/octet-stream',
        contentDisposition: 'attachment; filename="x y.txt"',
      })
      const answer = await fetch(get.url, { headers: get.headers })
      expect(await answer.text()).toBe('hello')
      expect(answer.headers.get('content-type')).toBe('application/octet-stream')
      expect(answer.headers.get('content-disposition')).toBe('attachment; filename="x y.txt"')
      const upload = await mount.beginParts('joined')
      for (const number of [1, 2]) {
        const { method, url, headers } = await mount.signPart(upload, number, { expiresInMs: 5000 })
        expect((await fetch(url, { method, headers, body: `part ${number};` })).status).toBe(200)
      }
      await mount.completeParts(upload, await mount.listParts(upload))
      expect(await read(mount, 'joined')).toBe('part 1;part 2;')
    })

    // fake-gcs-server takes any signature: what is signed is read off the address.
    it('bind method, key, media type and time', async () => {
      const presignEndpoint = 'https://lake.example.com'
      await using mount = new GcsMount({ bucket, prefix: 'p', endpoint, presignEndpoint })
      const options = { expiresInMs: 3_600_000, contentType: 'image/png' }
      const url = new URL((await mount.signWrite('a/b', options)).url)
      expect(url.origin).toBe(presignEndpoint)
      expect(url.pathname).toBe(`/${bucket}/p/a/b`)
      expect(Object.fromEntries(url.searchParams)).toMatchObject({
        'X-Goog-Algorithm': 'GOOG4-RSA-SHA256',
        'X-Goog-Credential': expect.stringContaining('signer@test.iam.gserviceaccount.com/'),
        'X-Goog-SignedHeaders': 'content-type;host',
        'X-Goog-Signature': expect.stringMatching(/^[\da-f]{512}$/),
      })
      expect(Number(url.searchParams.get('X-Goog-Expires'))).toBeCloseTo(3600, -1)
      expect(url.href).not.toContain(account().secret)
      const week = 7 * 24 * 3_600_000
      await mount.signRead('a', { expiresInMs: week })
      for (const expiresInMs of [0, -1, 999, week + 1, Number.NaN]) {
        const signed = mount.signRead('a', { expiresInMs })
        await expect(signed).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      }
    })

    it('name the remedy when the credentials cannot sign, and tell no secret', async () => {
      await using folder = await temporaryFolder()
      const path = join(folder.path, 'user.json')
      const secret = 'very-secret'
      const user = {
        type: 'authorized_user',
        client_id: 'x',
        client_secret: secret,
        refresh_token: secret,
      }
      await writeFile(path, JSON.stringify(user))
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path)
      await using mount = gcsMount()
      const error = await mount
        .signRead('a', { expiresInMs: 5000 })
        .catch((thrown: Error) => thrown)
      expect(error).toMatchObject({ code: 'FORBIDDEN' })
      expect(String(error)).toContain('GOOGLE_APPLICATION_CREDENTIALS')
      expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain(secret)
    })
  })
})

async function contentTypeOf(prefix: string, key: string): Promise<unknown> {
  const name = encodeURIComponent(`${prefix}/${key}`)
  const answer = await fetch(`${endpoint}/storage/v1/b/${bucket}/o/${name}`)
  return ((await answer.json()) as { contentType: unknown }).contentType
}

/** Gives tests the key file of a service account that no one has, as default credentials. */
function withAnAccount(): () => { readonly secret: string } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const file = { client_email: 'signer@test.iam.gserviceaccount.com', private_key: secret }
  const before = process.env.GOOGLE_APPLICATION_CREDENTIALS
  let folder: TemporaryFolder
  beforeAll(async () => {
    folder = await temporaryFolder()
    const path = join(folder.path, 'account.json')
    await writeFile(path, JSON.stringify({ type: 'service_account', project_id: 'test', ...file }))
    process.env.GOOGLE_APPLICATION_CREDENTIALS = path
  })
  afterAll(async () => {
    if (before === undefined) delete process.env.GOOGLE_APPLICATION_CREDENTIALS
    else process.env.GOOGLE_APPLICATION_CREDENTIALS = before
    await folder[Symbol.asyncDispose]()
  })
  return () => ({ secret })
}
