import { connectLake } from '@mindtrace/client'
import { allTasks, type Task, type TaskName, taskPath } from '@mindtrace/contract'
import { afterAll, describe, expect, test } from 'vitest'
import { backEnds, said, serveWithKeys } from './served-lake.ts'

const names = Object.keys(allTasks) as TaskName[]

afterAll(() => {
  const everything = said.lines.join('\n')
  expect(said.secrets.size).toBeGreaterThan(0)
  for (const secret of said.secrets) expect(everything).not.toContain(secret)
})

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

describe.each(backEnds)('a lake with keys on %s', (_name, kind, left) => {
  test.skipIf(left)(
    'lets nobody in without a key but where nothing of the lake is told',
    async () => {
      await using served = await serveWithKeys(kind)
      for (const name of names) {
        const response = await served.post(taskPath(name).slice(1), undefined)
        const { status } = response
        await response.arrayBuffer()
        expect([name, status]).toEqual([name, name === 'status' ? 200 : 401])
        if (status === 401) {
          expect(response.headers.get('www-authenticate')).toBe('Bearer realm="mindtrace"')
        }
      }
      const get = async (path: string) => {
        const response = await fetch(`${served.address}${path}`)
        await response.arrayBuffer()
        return response.status
      }
      for (const path of ['/', '/health', '/ready', '/openapi.json'])
        expect(await get(path)).toBe(200)
      for (const path of [
        '/v1/extensions',
        '/v1/assets/a/payload',
        '/v1/assets/a/thumbnail',
        '/v1/objects/main/a',
        '/mcp-server/mcp',
        '/nothing',
        '/metrics',
      ]) {
        expect([path, await get(path)]).toEqual([path, 401])
      }
    },
  )

  test.skipIf(left)('takes a key in every way that clients have', async () => {
    await using served = await serveWithKeys(kind)
    const { reader, writer } = served.keys
    const ask = async (headers: Record<string, string>) => {
      const response = await fetch(`${served.address}/summary`, { method: 'POST', headers })
      await response.arrayBuffer()
      return response.status
    }
    expect(await ask({ authorization: `Bearer ${reader}` })).toBe(200)
    expect(await ask({ authorization: `bearer ${reader}` })).toBe(200)
    expect(await ask({ 'x-api-key': reader })).toBe(200)
    expect(await ask({ authorization: basic(reader, '') })).toBe(200)
    expect(await ask({ authorization: basic('', reader) })).toBe(200)
    expect(await ask({ authorization: basic('anybody', reader) })).toBe(200)
    expect(await ask({ authorization: `Bearer ${reader}`, 'x-api-key': reader })).toBe(200)
    // Two that differ: which of them is meant?
    expect(await ask({ authorization: `Bearer ${reader}`, 'x-api-key': writer })).toBe(401)

    const forged = [
      '',
      'x',
      'mtk_',
      reader.slice(0, -1),
      `${reader}A`,
      `${reader.slice(0, 21)}${writer.slice(21)}`,
      `${reader.slice(0, -1)}${reader.endsWith('A') ? 'B' : 'A'}`,
      reader.toUpperCase(),
      `mtk_${'0'.repeat(16)}_${'A'.repeat(43)}`,
      '__proto__',
      'a'.repeat(5000),
    ]
    for (const key of forged) {
      expect([key, await ask({ authorization: `Bearer ${key}` })]).toEqual([key, 401])
    }
    expect(await ask({ authorization: 'Digest abc' })).toBe(401)
    expect(await ask({ authorization: 'Bearer' })).toBe(401)

    const address = served.address.replace('://', `://${reader}@`)
    expect(await connectLake(address).assets.list({})).toEqual({ assets: [] })
    const other = served.address.replace('://', `://me:${reader}@`)
    expect(await connectLake(other).assets.list({})).toEqual({ assets: [] })
  })

  test.skipIf(left)('gives each role what the table says, and names what is missing', async () => {
    await using served = await serveWithKeys(kind)
    const rank = { reader: 0, writer: 1, admin: 2, destructive: 3 }
    for (const role of ['reader', 'writer', 'admin'] as const) {
      for (const name of names) {
        const { needs } = allTasks[name] as Task
        const response = await served.post(taskPath(name).slice(1), served.keys[role], '[]')
        const { detail } = (await response.json().catch(() => ({}))) as { detail?: unknown }
        if (needs === 'destructive' && role === 'admin') {
          expect(detail, name).toContain('--allow-destructive')
          expect(response.status).toBe(403)
        } else if (rank[needs] > rank[role]) {
          const needed = needs === 'destructive' ? 'admin' : needs
          expect(detail, name).toContain(`needs a key with the role ${needed}`)
          expect(response.status).toBe(403)
        } else {
          expect([name, response.status]).not.toEqual([name, 403])
          expect([name, response.status]).not.toEqual([name, 401])
        }
      }
    }
    const write = served
      .as(served.keys.reader)
      .streams.writeObject({ mount: null, name: 'a' }, new Uint8Array(10))
    await expect(write).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test.skipIf(left)(
    'wipes for admins where that is switched on, and keys and log outlive it',
    async () => {
      await using served = await serveWithKeys(kind, { access: { allowDestructive: true } })
      const writer = served.as(served.keys.writer)
      await writer.objects.put({ name: 'a', data_base64: 'YWJj' })
      await expect(writer.datalake.wipe({})).rejects.toMatchObject({ code: 'FORBIDDEN' })
      const admin = served.as(served.keys.admin)
      expect(await admin.datalake.wipe({})).toMatchObject({ cleared_mounts: ['main', 'other'] })
      expect((await served.post('summary', undefined)).status).toBe(401)
      expect((await admin.keys.list({})).keys).toHaveLength(3)
      await expect
        .poll(
          async () =>
            (await admin.audit.list({})).entries.map(({ task, outcome }) => `${task} ${outcome}`),
          { timeout: 5_000 },
        )
        .toEqual(['datalake.wipe done', 'datalake.wipe refused', 'objects.put done'])
    },
  )

  test.skipIf(left)('notices within five seconds what another process does to keys', async () => {
    await using served = await serveWithKeys(kind)
    const status = async (key: string) => {
      const response = await served.post('summary', key)
      await response.arrayBuffer()
      return response.status
    }
    expect(await status(served.keys.reader)).toBe(200)
    const made = await served.key('reader')
    await expect.poll(() => status(made), { timeout: 5_000 }).toBe(200)

    await served.elsewhere.keys.revoke({ key_id: made.slice(4, 20) })
    const revokedAt = performance.now()
    await expect.poll(() => status(made), { timeout: 5_000, interval: 50 }).toBe(401)
    expect(performance.now() - revokedAt).toBeLessThan(5_000)
    expect(await status(served.keys.reader)).toBe(200)

    const used = async () => {
      const { keys } = await served.elsewhere.keys.list({})
      return keys.find(({ key_id }) => served.keys.reader.includes(key_id))?.last_used_at
    }
    await expect.poll(used, { timeout: 5_000 }).toEqual(expect.any(String))
  })

  test.skipIf(left)('stays closed when the last key is revoked', async () => {
    await using served = await serveWithKeys(kind)
    for (const { key_id } of (await served.elsewhere.keys.list({})).keys) {
      await served.elsewhere.keys.revoke({ key_id })
    }
    await expect
      .poll(async () => (await served.post('summary', served.keys.admin)).status, {
        timeout: 5_000,
      })
      .toBe(401)
    expect((await served.post('summary', undefined)).status).toBe(401)
  })

  test.skipIf(left)('writes down who changed what, and never what they sent', async () => {
    await using served = await serveWithKeys(kind)
    const writer = served.as(served.keys.writer)
    const secretBytes = 'c2VjcmV0IHBheWxvYWQ='
    const { storage_ref } = await writer.objects.put({
      name: 'plates/1.png',
      data_base64: secretBytes,
      metadata: { note: 'private-note' },
    })
    const { asset } = await writer.assets.create({
      kind: 'image',
      media_type: 'image/png',
      storage_ref,
    })
    await writer.assets.get({ id: asset.asset_id })
    await expect(writer.assets.delete({ id: 'asset_none' })).rejects.toThrow()
    const reader = served.as(served.keys.reader)
    await expect(reader.assets.delete({ id: asset.asset_id })).rejects.toThrow()
    await writer.streams.writeObject({ mount: 'other', name: 'b' }, new Uint8Array(3))
    const answer = await fetch(`${served.address}/collections.create`, {
      method: 'POST',
      headers: { 'x-api-key': served.keys.writer, 'x-request-id': 'trace-7' },
      body: JSON.stringify({ name: 'parts' }),
    })
    expect(answer.headers.get('x-request-id')).toBe('trace-7')

    const admin = served.as(served.keys.admin)
    const entries = async () => (await admin.audit.list({})).entries.toReversed()
    await expect.poll(async () => (await entries()).length, { timeout: 5_000 }).toBe(6)
    const log = await entries()
    expect(
      log.map(({ actor_name, task, outcome, error }) => [actor_name, task, outcome, error]),
    ).toEqual([
      ['the writer', 'objects.put', 'done', null],
      ['the writer', 'assets.create', 'done', null],
      ['the writer', 'assets.delete', 'failed', 'NOT_FOUND'],
      ['the reader', 'assets.delete', 'refused', 'FORBIDDEN'],
      ['the writer', 'writeObject', 'done', null],
      ['the writer', 'collections.create', 'done', null],
    ])
    expect(log[0]?.ids).toMatchObject({ mount: 'main', name: 'plates/1.png' })
    expect(log[1]?.ids).toMatchObject({ asset_id: asset.asset_id })
    expect(log[5]?.request_id).toBe('trace-7')
    const text = JSON.stringify(log)
    for (const hidden of [secretBytes, 'private-note', ...said.secrets]) {
      expect(text).not.toContain(hidden)
    }
  })

  test.skipIf(left)('loses nothing of its log when it ends', async () => {
    await using served = await serveWithKeys(kind)
    const writer = served.as(served.keys.writer)
    for (let index = 0; index < 30; index += 1)
      await writer.collections.create({ name: `c${index}` })
    // Not yet a second later: what is waiting is written at the end.
    await served.close()
    expect((await served.elsewhere.audit.list({ limit: 1000 })).entries).toHaveLength(30)
  })
})

describe.each(backEnds)('a key with scopes on %s', (_name, kind, left) => {
  test.skipIf(left)('that is limited to a mount sees that mount and nothing else', async () => {
    await using served = await serveWithKeys(kind)
    const { lake } = served
    const image = { kind: 'image', media_type: 'image/png', data_base64: 'YWJj' }
    const mine = (await lake.assets.createFromObject({ ...image, name: 'a', mount: 'other' })).asset
    const theirs = (await lake.assets.createFromObject({ ...image, name: 'a', mount: 'main' }))
      .asset
    await lake.aliases.add({ asset_id: theirs.asset_id, alias: 'plate' })
    const key = await served.key('writer', { mounts: ['other'] })
    const limited = served.as(key)

    expect((await limited.assets.get({ id: mine.asset_id })).asset.asset_id).toBe(mine.asset_id)
    expect((await limited.assets.list({})).assets.map((one) => one.asset_id)).toEqual([
      mine.asset_id,
    ])
    const or = { $or: [{ 'storage_ref.mount': 'main' }, { kind: 'image' }] }
    const page = await limited.assets.listPage({ filters: or, include_total: true })
    expect(page.page.total_count).toBe(1)
    await limited.objects.put({ name: 'b', mount: 'other', data_base64: 'YWJj' })
    await limited.streams.writeObject({ mount: 'other', name: 'c' }, new Uint8Array(1))
    await (await limited.streams.readAsset(mine.asset_id)).body.cancel()

    const { storage_ref } = theirs
    const refused: (() => Promise<unknown>)[] = [
      () => limited.assets.get({ id: theirs.asset_id }),
      () => limited.assets.get({ id: 'plate' }),
      () => limited.assets.getByAlias({ alias: 'plate' }),
      () => limited.assets.delete({ id: theirs.asset_id }),
      () => limited.assets.updateMetadata({ asset_id: theirs.asset_id, metadata: {} }),
      () => limited.assets.downloadUrls({ asset_ids: [mine.asset_id, theirs.asset_id] }),
      () => limited.aliases.add({ asset_id: theirs.asset_id, alias: 'x' }),
      () => limited.assets.create({ kind: 'image', media_type: 'image/png', storage_ref }),
      // No mount is the default one.
      () => limited.objects.put({ name: 'b', data_base64: 'YWJj' }),
      () => limited.objects.get({ storage_ref }),
      () =>
        limited.objects.copy({ source: storage_ref, target_mount: 'other', target_name: 'stolen' }),
      () => limited.streams.readAsset(theirs.asset_id),
      () => limited.streams.readObject({ mount: 'main', name: 'a' }),
      () => limited.streams.writeObject({ mount: null, name: 'a' }, new Uint8Array(1)),
      () => limited.collections.list({}),
      () => limited.collections.create({ name: 'x' }),
      () => limited.datums.list({}),
      () => limited.lake.stats(),
      () => limited.keys.list({}),
    ]
    for (const call of refused) {
      await expect(call(), String(call)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    }
    const thumbnail = await fetch(`${served.address}/v1/assets/${theirs.asset_id}/thumbnail`, {
      headers: { 'x-api-key': key },
    })
    expect(thumbnail.status).toBe(403)
    expect(((await thumbnail.json()) as { detail: string }).detail).toBe(
      `this key is limited to the mounts other, and ${theirs.asset_id} is in the mount "main"`,
    )
  })

  test.skipIf(left)('that is limited to a collection sees its items and their assets', async () => {
    await using served = await serveWithKeys(kind)
    const { lake } = served
    const image = { kind: 'image', media_type: 'image/png', data_base64: 'YWJj' }
    const inside = (await lake.assets.createFromObject({ ...image, name: 'a' })).asset.asset_id
    const outside = (await lake.assets.createFromObject({ ...image, name: 'b' })).asset.asset_id
    const mine = (await lake.collections.create({ name: 'mine' })).collection.collection_id
    const theirs = (await lake.collections.create({ name: 'theirs' })).collection.collection_id
    const item = (await lake.collectionItems.create({ collection_id: mine, asset_id: inside }))
      .collection_item.collection_item_id
    const other = (await lake.collectionItems.create({ collection_id: theirs, asset_id: outside }))
      .collection_item.collection_item_id
    const limited = served.as(await served.key('writer', { collections: [mine] }))

    const ids = async () => (await limited.collections.list({})).collections.map((one) => one.name)
    expect(await ids()).toEqual(['mine'])
    const items = await limited.collectionItems.listPage({ filters: { collection_id: theirs } })
    expect(items.items).toEqual([])
    expect((await limited.collectionItems.list({})).collection_items).toHaveLength(1)
    await limited.collectionItems.resolve({ id: item })
    await limited.assets.get({ id: inside })
    await (await limited.streams.readAsset(inside)).body.cancel()
    await limited.collectionItems.update({ collection_item_id: item, changes: { split: 'val' } })

    const refused: (() => Promise<unknown>)[] = [
      () => limited.assets.get({ id: outside }),
      () => limited.streams.readAsset(outside),
      () => limited.assets.list({}),
      () => limited.collections.get({ id: theirs }),
      () => limited.collectionItems.get({ id: other }),
      // Whoever could add an asset to their collection could read every asset.
      () => limited.collectionItems.create({ collection_id: mine, asset_id: outside }),
      () =>
        limited.collectionItems.update({
          collection_item_id: item,
          changes: { asset_id: outside },
        }),
      () =>
        limited.collectionItems.update({
          collection_item_id: item,
          changes: { collection_id: theirs },
        }),
      () => limited.objects.put({ name: 'x', data_base64: '' }),
      () => limited.streams.readObject({ mount: 'main', name: 'b' }),
    ]
    for (const call of refused) {
      await expect(call(), String(call)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    }
  })
})

describe('how much one key may ask', () => {
  test('a rate beyond the limit gets 429 with the seconds to wait; other keys go on', async () => {
    await using served = await serveWithKeys('sqlite', {
      access: { rates: { requestsPerSecond: 1, burst: 3 } },
    })
    const answers = []
    for (let index = 0; index < 5; index += 1) {
      answers.push(await served.post('summary', served.keys.reader))
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429])
    expect(answers[4]?.headers.get('retry-after')).toBe('1')
    expect((await served.post('summary', served.keys.writer)).status).toBe(200)
  })

  test('so many at the same time and no more, and places come back', async () => {
    await using served = await serveWithKeys('sqlite', { access: { rates: { concurrent: 2 } } })
    const hold = () => {
      const held = Promise.withResolvers<void>()
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        async pull(controller) {
          await held.promise
          controller.close()
        },
      })
      const written = served
        .as(served.keys.writer)
        .streams.writeObject({ mount: null, name: crypto.randomUUID() }, body)
      return { end: held.resolve, written }
    }
    const held = [hold(), hold()]
    await expect
      .poll(async () => (await served.post('summary', served.keys.writer)).status)
      .toBe(429)
    expect((await served.post('summary', served.keys.reader)).status).toBe(200)
    for (const { end } of held) end()
    for (const { written } of held) await written
    await expect
      .poll(async () => (await served.post('summary', served.keys.writer)).status)
      .toBe(200)
  })
})

test('a lake without keys is not served to others, and one with keys is', async () => {
  await using served = await serveWithKeys('sqlite', { host: '0.0.0.0' })
  expect((await served.post('summary', undefined)).status).toBe(401)
  const { serve } = await import('@mindtrace/service')
  const { openMemoryLake } = await import('@mindtrace/datalake/testing')
  await using lake = await openMemoryLake()
  await expect(serve({ lake, host: '0.0.0.0', port: 0 })).rejects.toThrow(
    /no keys yet.*mindtrace keys create.*127\.0\.0\.1.*--insecure/,
  )
})
