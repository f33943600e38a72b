import type { ArchiveRead } from '@mindtrace/contract'
import { bytesOf } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { backEnds, type ServedLake, said, serveWithKeys } from './served-lake.ts'

/** One asset in each of the two mounts; their ids. */
async function twoAssets({ lake }: ServedLake) {
  const ids: Record<string, string> = {}
  for (const mount of ['main', 'other']) {
    const { asset } = await lake.assets.createFromObject({
      name: `in ${mount}`,
      mount,
      data_base64: Buffer.from(mount).toString('base64'),
      kind: 'image',
      media_type: 'image/png',
    })
    ids[mount] = asset.asset_id
  }
  return ids as { readonly main: string; readonly other: string }
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = []
  for await (const row of rows) read.push(row)
  return read
}

describe.each(backEnds)('streams with keys, on %s', (_name, kind, isAbsent) => {
  test.skipIf(isAbsent)('rows are those that a key may see', async () => {
    await using served = await serveWithKeys(kind)
    const ids = await twoAssets(served)
    const scoped = await served.key('reader', { mounts: ['other'] })
    const { collection } = await served.lake.collections.create({ name: 'c' })
    const ofCollection = await served.key('reader', { collections: [collection.collection_id] })
    const rowsAs = async (key: string, input = {}) => {
      await using lake = served.as(key)
      return (await all(lake.streams.rows('assets.list_page', input))).map((row) => row.asset_id)
    }
    expect((await rowsAs(served.keys.reader)).toSorted()).toEqual(Object.values(ids).toSorted())
    expect(await rowsAs(scoped)).toEqual([ids.other])
    // A filter can only narrow what the scope has left.
    const filters = { $or: [{ 'storage_ref.mount': 'main' }, { 'storage_ref.mount': 'other' }] }
    expect(await rowsAs(scoped, { filters })).toEqual([ids.other])
    expect(await rowsAs(scoped, { filters: { 'storage_ref.mount': 'main' } })).toEqual([])
    await expect(rowsAs(ofCollection)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { missing: 'scope' },
    })
    await using lake = served.as(scoped)
    await expect(all(lake.streams.rows('datums.list_page', {}))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })

  test.skipIf(isAbsent)('archives hold what a key may see', async () => {
    await using served = await serveWithKeys(kind)
    const ids = await twoAssets(served)
    const scoped = await served.key('reader', { mounts: ['other'] })
    await served.lake.datasetVersions.create({ dataset_name: 'd', version: '1', manifest: [] })
    await using lake = served.as(scoped)
    const text = async (read: Promise<ArchiveRead>) =>
      new TextDecoder().decode(await bytesOf((await read).body, 1_000_000))
    const archive = await text(lake.streams.archiveAssets({}))
    expect(archive).toContain(ids.other)
    expect(archive).not.toContain(ids.main)
    const objects = (mount: string) => [{ mount, name: `in ${mount}`, version: null }]
    expect(await text(lake.streams.archiveObjects({ objects: objects('other') }))).toContain(
      'objects/other/in other@1.0.0',
    )
    const both = [...objects('other'), ...objects('main')]
    const refused = { code: 'FORBIDDEN', details: { missing: 'scope' } }
    await expect(lake.streams.archiveObjects({ objects: both })).rejects.toMatchObject(refused)
    const dataset = { dataset_name: 'd', version: '1' }
    await expect(lake.streams.archiveDataset(dataset)).rejects.toMatchObject(refused)
    await using reader = served.as(served.keys.reader)
    expect(await text(reader.streams.archiveDataset(dataset))).toContain('dataset_version.json')
  })

  test.skipIf(isAbsent)(
    'uploads are begun and gone on with by writers, where they may write',
    async () => {
      await using served = await serveWithKeys(kind)
      const scoped = await served.key('writer', { mounts: ['other'] })
      const ask = (method: string, path: string, key: string, headers = {}, body?: string) =>
        fetch(new URL(path, served.address), {
          method,
          headers: { authorization: `Bearer ${key}`, 'tus-resumable': '1.0.0', ...headers },
          ...(body === undefined ? {} : { body }),
        })
      const of = (mount: string) => {
        const values = Object.entries({ name: 'thing', mount })
        const pairs = values.map(
          ([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`,
        )
        return { 'upload-length': '6', 'upload-metadata': pairs.join(',') }
      }
      const { reader, writer } = served.keys
      expect((await ask('POST', '/v1/tus', reader, of('other'))).status).toBe(403)
      expect((await ask('POST', '/v1/tus', scoped, of('main'))).status).toBe(403)
      expect((await ask('POST', '/v1/tus', scoped, of('nowhere'))).status).toBe(403)
      const begun = await ask('POST', '/v1/tus', scoped, of('other'))
      expect(begun.status).toBe(201)
      const path = begun.headers.get('location') as string
      said.secrets.add(path.split('.').at(-1) as string)
      const part = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
      expect((await ask('PATCH', path, reader, part, 'abcdef')).status).toBe(403)
      expect((await ask('DELETE', path, reader)).status).toBe(403)
      expect((await ask('HEAD', `${path}0`, writer)).status).toBe(403)
      expect((await ask('PATCH', path, scoped, part, 'abcdef')).status).toBe(204)
      // In the audit log stands who did it, and never the token.
      await served.close()
      const { entries } = await served.elsewhere.audit.list({})
      expect(entries.map(({ task, outcome }) => `${task} ${outcome}`)).toEqual(
        expect.arrayContaining(['appendUpload refused', 'appendUpload done', 'uploads.begin done']),
      )
      for (const secret of said.secrets) {
        expect(said.lines.join('\n')).not.toContain(secret)
        expect(JSON.stringify(entries)).not.toContain(secret)
      }
    },
  )

  test.skipIf(isAbsent)('nothing is streamed to whoever has no key', async () => {
    await using served = await serveWithKeys(kind)
    for (const key of [undefined, 'mtk_0123456789abcdef_nothing']) {
      for (const path of ['rows/assets.list_page', 'archives/assets', 'archives/objects', 'tus']) {
        expect((await served.post(`v1/${path}`, key)).status).toBe(401)
      }
      const archive = `${served.address}/v1/archives/dataset?dataset_name=d&version=1`
      expect((await fetch(archive)).status).toBe(401)
    }
  })
})
