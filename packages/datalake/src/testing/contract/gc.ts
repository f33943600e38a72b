import { setTimeout } from 'node:timers/promises'
import type { IngestItem, Lake } from '@mindtrace/contract'
import { MemoryMount } from '@mindtrace/registry/memory'
import { expect, it } from 'vitest'
import { aSample, base64, beginIngest, bytes, commitIngest } from '../builders.ts'
import { codeOf, type InLake, type LakeWishes } from '../lake-under-test.ts'

const day = 24 * 3600

/** A lake in whose eyes everything was stored long ago. */
const later: LakeWishes = {
  clock: { now: () => new Date(Date.now() + 30 * day * 1000).toISOString() },
}

async function objectsOf(lake: Lake, names: readonly string[]): Promise<string[]> {
  const there: string[] = []
  for (const name of names) {
    const storage_ref = { mount: 'main', name, version: null }
    const { metadata } = await lake.objects.head({ storage_ref })
    if (Object.keys(metadata).length > 0) there.push(name)
  }
  return there
}

const samplesOf = (...ordinals: number[]): IngestItem[] =>
  ordinals.map((ordinal) => aSample(ordinal))

/** The names of the objects that an ingest of these stored. */
async function namesOf(lake: Lake): Promise<string[]> {
  const { assets } = await lake.assets.list({})
  return assets.map(({ storage_ref }) => storage_ref.name)
}

/** Payloads that nothing refers to. */
export function describeGc(inLake: InLake): void {
  it(
    'are told by a dry run, then removed, and nothing else',
    inLake(async (lake) => {
      const kept = await beginIngest(lake)
      await lake.streams.ingestGroup(kept, samplesOf(0, 1))
      const referred = await namesOf(lake)
      const session_id = await beginIngest(lake, { version: '2' })
      // One payload is another sample's as well.
      await lake.streams.ingestGroup(session_id, samplesOf(1, 2, 3))
      const all = [...new Set(await namesOf(lake))]
      const garbage = all.filter((name) => !referred.includes(name))
      expect(garbage).toHaveLength(2)
      const input = { name: 'mine', mount: 'main', data_base64: base64('mine') }
      await lake.objects.put(input)
      await lake.ingest.abandon({ session_id })

      const dry = await lake.lake.gc({ dry_run: true })
      expect(dry).toMatchObject({ dry_run: true, count: 2, bytes: 16 })
      expect(dry.mounts[0]).toMatchObject({ mount: 'main', objects: { count: 2, bytes: 16 } })
      expect(dry.found.map(({ name }) => name.split('@')[0]).toSorted()).toEqual(garbage.toSorted())
      expect(await objectsOf(lake, [...all, 'mine'])).toEqual([...all, 'mine'])

      expect({ ...(await lake.lake.gc({})), dry_run: true }).toEqual(dry)
      expect(await objectsOf(lake, [...all, 'mine'])).toEqual([
        ...all.filter((name) => referred.includes(name)),
        'mine',
      ])
      expect(await lake.lake.gc({})).toMatchObject({ count: 0, bytes: 0, found: [] })
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
      // They are stored again when they come again.
      const again = await beginIngest(lake, { version: '2' })
      const { samples } = await lake.streams.ingestGroup(again, samplesOf(1, 2, 3))
      expect(samples.map(({ status }) => status)).toEqual(['created', 'created', 'created'])
      await commitIngest(lake, again, samplesOf(1, 2, 3))
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }, later),
  )

  it(
    'stay while they are young',
    inLake(
      async (lake) => {
        const session_id = await beginIngest(lake)
        await lake.streams.ingestGroup(session_id, samplesOf(0))
        await lake.ingest.abandon({ session_id })
        expect(await lake.lake.gc({ older_than_seconds: 3600 })).toMatchObject({ count: 0 })
        expect(await codeOf(() => lake.lake.gc({ older_than_seconds: 3599 }))).toBe(
          'VALIDATION_FAILED',
        )
      },
      { clock: { now: () => new Date().toISOString() } },
    ),
  )

  it(
    'are not what an asset, a mask or an upload names in any other way',
    inLake(async (lake) => {
      const session_id = await beginIngest(lake)
      await lake.streams.ingestGroup(session_id, samplesOf(0, 1, 2))
      const names = await namesOf(lake)
      const [first = '', second = '', third = ''] = names
      await lake.ingest.abandon({ session_id })
      // Versions that mean any, and one that is the object's.
      const refs = [
        { mount: 'main', name: first, version: 'latest' },
        { mount: 'main', name: second, version: '1.0.0' },
      ]
      for (const storage_ref of refs) {
        await lake.assets.create({ kind: 'image', media_type: 'image/png', storage_ref })
      }
      await lake.annotationRecords.add({
        annotations: [
          {
            kind: 'mask',
            label: 'cat',
            source: { type: 'human', name: 'annotator' },
            subject: { kind: 'asset', id: 'asset_of_somewhere' },
            geometry: { storage_ref: { mount: 'main', name: third, version: '1.0.0' } },
          },
        ],
      })
      expect(await lake.lake.gc({})).toMatchObject({ count: 0 })
      expect(await objectsOf(lake, names)).toEqual(names)
    }, later),
  )

  it('are never looked for in mounts that are read only', async () => {
    const plain = new MemoryMount()
    const name = `sha256-${'0'.repeat(64)}`
    await plain.write(name, bytes('somebody else has called it that'))
    await inLake(
      async (lake) => {
        const { mounts, count } = await lake.lake.gc({})
        expect(count).toBe(0)
        expect(mounts.find(({ mount }) => mount === 'pictures')).toMatchObject({ skipped: true })
        expect(await plain.head(name)).toBeDefined()
      },
      { ...later, plainMounts: { pictures: plain } },
    )()
  })

  it(
    'go while ingests of the same bytes run, and none of these loses any',
    inLake(async (lake) => {
      // Every round leaves the payloads as old garbage, which the next round finds and uses.
      const items = samplesOf(0, 1, 2, 3, 4, 5)
      const isOver = { value: false }
      const collect = async () => {
        let removed = 0
        while (!isOver.value) {
          removed += (await lake.lake.gc({})).count
          // Everything in memory, it would never let a timer have its turn.
          await setTimeout(1)
        }
        return removed
      }
      const ingest = async (version: string) => {
        for (let round = 0; round < 4; round += 1) {
          const session_id = await beginIngest(lake, { version })
          const { samples } = await lake.streams.ingestGroup(session_id, items)
          expect(samples.map(({ status }) => status)).toEqual(items.map(() => 'created'))
          for (const { asset_ids } of samples) {
            const { body } = await lake.streams.readAsset(asset_ids.image as string)
            await new Response(body).text()
          }
          if (round < 3) await lake.ingest.abandon({ session_id })
        }
      }
      const collecting = collect()
      try {
        await Promise.all([ingest('1'), ingest('2')])
      } finally {
        isOver.value = true
        await collecting
      }
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
      await lake.lake.gc({})
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }, later),
  )
}
