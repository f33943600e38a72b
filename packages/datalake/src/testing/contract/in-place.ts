import type { IngestItem, IngestSample } from '@mindtrace/contract'
import { sha256Hex } from '@mindtrace/core/hash'
import { MemoryMount } from '@mindtrace/registry/memory'
import { describe, expect, it } from 'vitest'
import { aSample, beginIngest, bytes, commitIngest } from '../builders.ts'
import { codeOf, type InLake } from '../lake-under-test.ts'

const fileOf = (ordinal: number) => `images/${ordinal}.png`

/** The sample, its image being a file of the plain mount `pictures`. */
function inPlace(item: IngestItem, fields: object = {}): IngestItem {
  const { sample } = item
  const image = sample.assets.image as IngestSample['assets'][string]
  const in_place = { mount: 'pictures', name: sample.source_key }
  return {
    sample: { ...sample, assets: { image: { ...image, in_place, ...fields } } },
    payloads: {},
  }
}

/** A mount with the pictures of the first samples, as somebody else has put them there. */
async function pictures(count: number): Promise<MemoryMount> {
  const mount = new MemoryMount()
  for (let ordinal = 0; ordinal < count; ordinal += 1) {
    await mount.write(fileOf(ordinal), bytes(`pixels ${ordinal}`))
  }
  return mount
}

const samplesOf = (count: number): IngestItem[] =>
  Array.from({ length: count }, (_, ordinal) => aSample(ordinal))

/** Assets whose bytes the lake does not store: they lie in a plain mount, and stay there. */
export function describeInPlace(inLake: InLake): void {
  it('refer to what lies there, with its size, hash and ETag', async () => {
    const mount = await pictures(3)
    await inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        const items = samplesOf(3)
        const group = items.map((item) => inPlace(item))
        const { samples, written } = await lake.streams.ingestGroup(session_id, group)
        expect(samples.map(({ error }) => error)).toEqual([null, null, null])
        expect(written).toMatchObject({ assets: 3, datums: 3, payload_bytes: 0 })
        await commitIngest(lake, session_id, items)
        const asset_id = samples[1]?.asset_ids.image as string
        const { asset } = await lake.assets.get({ id: asset_id })
        expect(asset).toMatchObject({
          storage_ref: { mount: 'pictures', name: fileOf(1), version: '1.0.0' },
          payload_storage_ref: { qualified_key: `pictures/${fileOf(1)}@1.0.0` },
          payload_status: 'present',
          size_bytes: 8,
          checksum: `sha256:${sha256Hex('pixels 1')}`,
          metadata: { mindtrace: { in_place: { etag: (await mount.head(fileOf(1)))?.etag } } },
        })
        const { body } = await lake.streams.readAsset(asset_id)
        expect(await new Response(body).text()).toBe('pixels 1')
        const part = await lake.streams.readAsset(asset_id, { range: { start: 7 } })
        expect(await new Response(part.body).text()).toBe('1')
        expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
      },
      { plainMounts: { pictures: mount } },
    )()
  })

  it('are the same samples as with bytes, whichever came first', async () => {
    const items = samplesOf(2)
    const forms = [items, items.map((item) => inPlace(item))]
    for (const [first, second] of [forms, forms.toReversed()] as [IngestItem[], IngestItem[]][]) {
      await inLake(
        async (lake) => {
          const session_id = await beginIngest(lake)
          const { samples } = await lake.streams.ingestGroup(session_id, first)
          const before = await lake.assets.list({})
          await commitIngest(lake, session_id, items)
          for (const again of [second, first]) {
            const repeated = await lake.streams.ingestGroup(session_id, again)
            expect(repeated.samples).toEqual(
              samples.map((sample) => ({ ...sample, status: 'unchanged' })),
            )
          }
          expect(await lake.assets.list({})).toEqual(before)
        },
        { plainMounts: { pictures: await pictures(2) } },
      )()
    }
  })

  it('and others may be of one sample', async () => {
    const [item] = samplesOf(1) as [IngestItem]
    const placed = inPlace(item)
    const mask = { kind: 'mask', media_type: 'image/png', size_bytes: 4, sha256: null } as const
    const sample = {
      ...placed.sample,
      assets: { ...placed.sample.assets, mask: { ...mask, metadata: {} } },
    }
    await inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        const group = [{ sample, payloads: { mask: bytes('mask') } }]
        const { samples, written } = await lake.streams.ingestGroup(session_id, group)
        expect(samples[0]).toMatchObject({ status: 'created' })
        expect(written).toMatchObject({ assets: 2, payload_bytes: 4 })
        expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
      },
      { plainMounts: { pictures: await pictures(1) } },
    )()
  })

  it.each([
    ['whose file is not there', 'NOT_FOUND', { name: 'images/none.png' }],
    ['that would leave the mount', 'INVALID_INPUT', { name: '../images/1.png' }],
    ['in a mount that can be written', 'INVALID_INPUT', { mount: 'main' }],
    ['in no mount of the lake', 'NOT_FOUND', { mount: 'nowhere' }],
  ])('%s fail, and only they', async (_what, code, where) => {
    await inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        const in_place = { mount: 'pictures', name: fileOf(1), ...where }
        const group = [inPlace(aSample(0)), inPlace(aSample(1), { in_place }), inPlace(aSample(2))]
        const { samples } = await lake.streams.ingestGroup(session_id, group)
        expect(samples.map(({ status }) => status)).toEqual(['created', 'failed', 'created'])
        expect(samples[1]?.error?.code).toBe(code)
        if (code === 'INVALID_INPUT' && in_place.mount === 'main') {
          expect(samples[1]?.error?.message).toContain('?layout=plain')
        }
      },
      { plainMounts: { pictures: await pictures(3) } },
    )()
  })

  it.each([
    ['another size', { size_bytes: 9 }],
    ['another hash', { sha256: '0'.repeat(64) }],
  ])('of %s than announced fail', async (_what, fields) => {
    await inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        const group = [inPlace(aSample(0), fields)]
        const { samples } = await lake.streams.ingestGroup(session_id, group)
        expect(samples[0]).toMatchObject({ status: 'failed', error: { code: 'CORRUPT' } })
      },
      { plainMounts: { pictures: await pictures(1) } },
    )()
  })

  it('leave their files alone when they are deleted or the ingest is abandoned', async () => {
    const mount = await pictures(2)
    await inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        const { samples } = await lake.streams.ingestGroup(session_id, [inPlace(aSample(0))])
        await lake.ingest.abandon({ session_id })
        await beginIngest(lake)
        await lake.streams.ingestGroup(session_id, [inPlace(aSample(1))])
        expect(samples[0]?.status).toBe('created')
        const { assets } = await lake.assets.list({})
        const { datums } = await lake.datums.list({})
        for (const { datum_id } of datums) {
          await lake.datums.update({ datum_id, changes: { asset_refs: {} } })
        }
        for (const { asset_id } of assets) await lake.assets.delete({ id: asset_id })
        expect(await mount.head(fileOf(0))).toBeDefined()
        expect(await mount.head(fileOf(1))).toBeDefined()
      },
      { plainMounts: { pictures: mount } },
    )()
  })

  describe('that have drifted', () => {
    const drifted = (
      drift: (mount: MemoryMount) => Promise<unknown>,
      check: Parameters<InLake>[0],
    ) => {
      return async () => {
        const mount = await pictures(3)
        await inLake(
          async (lake) => {
            const session_id = await beginIngest(lake)
            const group = samplesOf(3).map((item) => inPlace(item))
            await lake.streams.ingestGroup(session_id, group)
            expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
            await drift(mount)
            await check(lake)
          },
          { plainMounts: { pictures: mount } },
        )()
      }
    }
    const assetOf = async (lake: Parameters<Parameters<InLake>[0]>[0], name: string) => {
      const { assets } = await lake.assets.list({ filters: { 'storage_ref.name': name } })
      return assets[0]?.asset_id as string
    }

    it(
      'to other bytes are told, and not read as what they were',
      drifted(
        (mount) => mount.write(fileOf(1), bytes('pixelZ 1')),
        async (lake) => {
          const id = await assetOf(lake, fileOf(1))
          for (const read_data of [false, true]) {
            const { ok, issues } = await lake.lake.verify({ read_data })
            expect(ok).toBe(false)
            expect(issues).toMatchObject([{ kind: 'payload_changed', id }])
            expect(issues[0]?.message).toMatch(/has SHA-256 \w+, recorded is \w+/)
          }
          const { body } = await lake.streams.readAsset(id)
          await expect(new Response(body).text()).rejects.toThrow()
        },
      ),
    )

    it(
      'to another size are told without being read',
      drifted(
        (mount) => mount.write(fileOf(1), bytes('more pixels')),
        async (lake) => {
          const id = await assetOf(lake, fileOf(1))
          const { issues, payload_bytes_read } = await lake.lake.verify({})
          expect(issues).toMatchObject([{ kind: 'payload_changed', id }])
          expect(issues[0]?.message).toContain('has 11 bytes, recorded are 8')
          expect(payload_bytes_read).toBe(0)
          const read = (range?: { start: number }) => () => lake.streams.readAsset(id, { range })
          expect(await codeOf(read())).toBe('PAYLOAD_UNAVAILABLE')
          expect(await codeOf(read({ start: 1 }))).toBe('PAYLOAD_UNAVAILABLE')
        },
      ),
    )

    it(
      'to nothing are missing',
      drifted(
        (mount) => mount.delete(fileOf(1)),
        async (lake) => {
          const id = await assetOf(lake, fileOf(1))
          const { issues } = await lake.lake.verify({})
          expect(issues).toMatchObject([{ kind: 'payload_missing', id }])
          expect(await codeOf(() => lake.streams.readAsset(id))).toBe('PAYLOAD_UNAVAILABLE')
        },
      ),
    )

    it(
      'to the same bytes, written again, have not drifted',
      drifted(
        (mount) => mount.write(fileOf(1), bytes('pixels 1')),
        async (lake) => {
          expect(await lake.lake.verify({})).toMatchObject({ ok: true, issue_count: 0 })
        },
      ),
    )
  })

  it(
    'whose mount is gone are told as that',
    inLake(async (lake) => {
      const { asset } = await lake.assets.create({
        kind: 'image',
        media_type: 'image/png',
        storage_ref: { mount: 'pictures', name: fileOf(1), version: '1.0.0' },
      })
      const { issues } = await lake.lake.verify({})
      expect(issues).toMatchObject([{ kind: 'mount_missing', id: asset.asset_id }])
      expect(issues[0]?.message).toContain("no mount 'pictures'")
    }),
  )
}
