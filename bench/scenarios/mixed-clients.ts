import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { connectLake } from '@mindtrace/client'
import { MongodProcess } from '@mindtrace/tests/servers/mongod-process'
import { mongodProgram } from '@mindtrace/tests/servers/mongodb'
import { type Served, serveMindtrace } from '../cli-process.ts'
import { sampleBox } from '../dataset-data.ts'
import { provided } from '../python-service.ts'
import { type Measurement, percentile, type Scenario } from '../scenario.ts'

type Lake = ReturnType<typeof connectLake>

const clients = 32
const minutes = 10
const budget = 1.1
/** What a client remembers, to ask for it again. */
const remembered = 40

/** Many programs at once, for a while: whether every answer is right, and whether memory stays. */
export const mixedClients: Scenario = {
  name: '32 clients for ten minutes',
  about: `${clients} clients of one service, each doing one thing after another in its own order: small and large payloads in and out, assets, records, datums, dataset versions, pages, lists, changes, deletions. Every answer is compared with what the client has written. Baseline of memory: the median of the tenth of the time in the middle, beside that of the last tenth.`,
  async run({ folder, shrink }) {
    const ms = (minutes * 60_000) / shrink
    const measured: Measurement[] = []
    {
      await using service = await serveMindtrace(['--lake', join(folder, 'embedded')], 18_461)
      measured.push(...(await underLoad('SQLite', service, ms)))
    }
    await using mongod = await MongodProcess.start({
      program: await provided(mongodProgram),
      replicaSet: 'bench',
    })
    const database = mongod.url.replace('/?', '/lake?')
    const args = ['--lake', join(folder, 'mongodb'), '--database', database]
    const mount = ['--mount', `main=file:${join(folder, 'payloads')}`]
    await using service = await serveMindtrace([...args, ...mount], 18_462)
    measured.push(...(await underLoad('MongoDB', service, ms)))
    return measured
  },
}

async function underLoad(where: string, service: Served, ms: number): Promise<Measurement[]> {
  const endsAt = performance.now() + ms
  const memory: number[] = []
  const watch = setInterval(
    async () => {
      const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
      memory.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
    },
    Math.min(1_000, ms / 100),
  )
  let operations = 0
  const failures: string[] = []
  await Promise.all(
    Array.from({ length: clients }, async (_, number) => {
      await using lake = connectLake(service.address)
      const client = new Client(lake, number)
      while (performance.now() < endsAt) {
        const { name, act } = client.next()
        try {
          await act()
        } catch (error) {
          failures.push(`${name}: ${error instanceof Error ? error.message : error}`)
        }
        operations += 1
      }
    }),
  )
  clearInterval(watch)
  for (const failure of failures.slice(0, 20)) console.error(failure)
  const tenth = memory.length / 10
  const middle = percentile(memory.slice(4.5 * tenth, 5.5 * tenth), 0.5)
  const end = percentile(memory.slice(-tenth), 0.5)
  return [
    { what: `${where}: operations`, value: (operations * 1000) / ms, unit: 'a second' },
    {
      what: `${where}: errors and wrong answers of ${operations}`,
      value: failures.length,
      unit: '',
      budget: { text: 'none', kept: failures.length === 0 },
    },
    {
      what: `${where}: memory of the service in the last tenth`,
      value: end,
      unit: 'MiB RSS',
      baseline: { name: 'in the middle', value: middle },
      budget: { text: `≤ ${budget}×`, kept: end <= budget * middle },
    },
  ]
}

/** One client with what it has written and may ask for. */
class Client {
  readonly #lake: Lake
  readonly #random: () => number
  readonly #name: string
  readonly #objects: { readonly ref: Ref; readonly sha256: string }[] = []
  readonly #assets: Asset[] = []
  readonly #datums: string[] = []
  #made = 0

  constructor(lake: Lake, number: number) {
    this.#lake = lake
    this.#name = `client-${number}`
    this.#random = randomOf(number + 1)
  }

  /** What it does next: things that are done more often stand more often. */
  next(): { readonly name: string; readonly act: () => Promise<void> } {
    const acts = [
      this.#putSmall,
      this.#putLarge,
      this.#getObject,
      this.#getObject,
      this.#readObject,
      this.#createAsset,
      this.#createAsset,
      this.#getAsset,
      this.#getAsset,
      this.#getAsset,
      this.#changeAsset,
      this.#deleteAsset,
      this.#createDatum,
      this.#createDatum,
      this.#addRecords,
      this.#createVersion,
      this.#pages,
      this.#pages,
      this.#lists,
      this.#collection,
    ]
    const act = acts[Math.floor(this.#random() * acts.length)] as () => Promise<void>
    return { name: act.name, act: () => act.call(this) }
  }

  async #putSmall(): Promise<void> {
    await this.#put(1 + Math.floor(this.#random() * 60_000))
  }

  async #putLarge(): Promise<void> {
    await this.#put(400_000 + Math.floor(this.#random() * 600_000))
  }

  async #put(size: number): Promise<void> {
    const bytes = this.#bytes(size)
    const { storage_ref: ref } = await this.#lake.objects.put({
      name: `${this.#name}/${this.#number()}`,
      data_base64: bytes.toString('base64'),
    })
    remember(this.#objects, { ref, sha256: sha256Of(bytes) })
  }

  async #getObject(): Promise<void> {
    const one = this.#anyOf(this.#objects)
    if (one === undefined) return await this.#putSmall()
    const { data_base64 } = await this.#lake.objects.get({ storage_ref: one.ref })
    equal(sha256Of(Buffer.from(data_base64, 'base64')), one.sha256)
  }

  async #readObject(): Promise<void> {
    const one = this.#anyOf(this.#objects)
    if (one === undefined) return await this.#putSmall()
    const { body } = await this.#lake.streams.readObject(one.ref)
    const hash = createHash('sha256')
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) hash.update(chunk)
    equal(hash.digest('hex'), one.sha256)
  }

  async #createAsset(): Promise<void> {
    const bytes = this.#bytes(1 + Math.floor(this.#random() * 20_000))
    const { asset } = await this.#lake.assets.createFromObject({
      name: `${this.#name}/asset-${this.#number()}`,
      data_base64: bytes.toString('base64'),
      kind: 'image',
      media_type: 'image/png',
      asset_metadata: { client: this.#name, size: bytes.byteLength },
    })
    equal(asset.metadata, { client: this.#name, size: bytes.byteLength })
    remember(this.#assets, asset)
  }

  async #getAsset(): Promise<void> {
    const known = this.#anyOf(this.#assets)
    if (known === undefined) return await this.#createAsset()
    const { asset } = await this.#lake.assets.get({ id: known.asset_id })
    equal(asset, known)
  }

  async #changeAsset(): Promise<void> {
    const known = this.#anyOf(this.#assets)
    if (known === undefined) return await this.#createAsset()
    const metadata = { ...known.metadata, changed: this.#number() }
    const { asset_id } = known
    const { asset } = await this.#lake.assets.updateMetadata({ asset_id, metadata })
    equal(asset, { ...known, metadata, updated_at: asset.updated_at })
    this.#assets[this.#assets.indexOf(known)] = asset
  }

  async #deleteAsset(): Promise<void> {
    const known = this.#assets.pop()
    if (known === undefined) return await this.#createAsset()
    await this.#lake.assets.delete({ id: known.asset_id })
    const filters = { asset_id: known.asset_id }
    const { items, page } = await this.#lake.assets.listPage({ filters, include_total: true })
    equal([items.length, page.total_count], [0, 0])
  }

  async #createDatum(): Promise<void> {
    // An asset of its own: others may be deleted.
    const { asset } = await this.#lake.assets.create({
      kind: 'image',
      media_type: 'image/png',
      storage_ref: { mount: 'main', name: 'not-there', version: '1.0.0' },
    })
    const image = asset.asset_id
    const { datum } = await this.#lake.datums.create({ asset_refs: { image }, split: 'train' })
    equal(datum.asset_refs, { image })
    remember(this.#datums, datum.datum_id)
  }

  async #addRecords(): Promise<void> {
    const datum_id = this.#anyOf(this.#datums)
    if (datum_id === undefined) return await this.#createDatum()
    const { annotation_set } = await this.#lake.annotationSets.create({
      name: 'boxes',
      purpose: 'ground_truth',
      source_type: 'human',
      datum_id,
    })
    const { annotation_set_id } = annotation_set
    const annotations = Array.from({ length: 20 }, (_, number) => sampleBox(number))
    const added = await this.#lake.annotationRecords.add({ annotations, annotation_set_id })
    equal(
      added.annotation_records.map(({ geometry }) => geometry),
      annotations.map(({ geometry }) => geometry),
    )
    const read = await this.#lake.annotationSets.get({ id: annotation_set_id })
    equal(
      read.annotation_set.annotation_record_ids,
      added.annotation_records.map(({ annotation_id }) => annotation_id),
    )
  }

  async #createVersion(): Promise<void> {
    const manifest = [...this.#datums]
    if (manifest.length === 0) return await this.#createDatum()
    const named = { dataset_name: this.#name, version: `${this.#number()}` }
    await this.#lake.datasetVersions.create({ ...named, manifest })
    const { items } = await this.#lake.datasetVersions.viewPage({
      ...named,
      limit: remembered,
      expand: { assets: true, annotation_sets: true, annotation_records: true },
    })
    equal(
      items.map(({ datum_id }) => datum_id),
      manifest,
    )
    const { resolved_dataset_version } = await this.#lake.datasetVersions.resolve(named)
    equal(
      resolved_dataset_version.datums.map(({ datum }) => datum.datum_id),
      manifest,
    )
  }

  /** Three pages of everybody's assets: newest first, none twice. */
  async #pages(): Promise<void> {
    const seen = new Set<string>()
    let last = '9999'
    let cursor: string | null = null
    for (let number = 0; number < 3; number += 1) {
      const { items, page }: Awaited<ReturnType<Lake['assets']['listPage']>> =
        await this.#lake.assets.listPage({ limit: 50, cursor })
      for (const { asset_id, created_at } of items) {
        equal([seen.has(asset_id), created_at <= last], [false, true])
        seen.add(asset_id)
        last = created_at
      }
      cursor = page.next_cursor
      if (cursor === null) break
    }
  }

  async #lists(): Promise<void> {
    const filters = { dataset_name: this.#name }
    const { items } = await this.#lake.datasetVersions.listPage({ filters, limit: 10 })
    equal(
      items.every(({ dataset_name }) => dataset_name === this.#name),
      true,
    )
    const { counts } = await this.#lake.lake.stats()
    equal((counts.assets ?? 0) >= this.#assets.length, true)
  }

  async #collection(): Promise<void> {
    const name = `${this.#name} ${this.#number()}`
    const made = await this.#lake.collections.create({ name })
    const { collection_id } = made.collection
    const changes = { description: 'changed' }
    await this.#lake.collections.update({ collection_id, changes })
    const read = await this.#lake.collections.get({ id: collection_id })
    equal([read.collection.name, read.collection.description], [name, 'changed'])
    await this.#lake.collections.delete({ id: collection_id })
    const left = await this.#lake.collections.listPage({ filters: { collection_id } })
    equal(left.items, [])
  }

  #number(): number {
    this.#made += 1
    return this.#made
  }

  #bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size, `${this.#name} ${this.#random()}`)
    bytes[size - 1] = Math.floor(this.#random() * 256)
    return bytes
  }

  #anyOf<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)]
  }
}

type Asset = Awaited<ReturnType<Lake['assets']['get']>>['asset']
type Ref = Awaited<ReturnType<Lake['objects']['put']>>['storage_ref']

function remember<T>(list: T[], one: T): void {
  list.push(one)
  if (list.length > remembered) list.shift()
}

function equal(found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return
  throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`.slice(0, 500))
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The same numbers in each run, of each client its own. @see Mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
