import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lake } from '@mindtrace/contract'
import { parseInstant, silentLogger } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { openLake } from '@mindtrace/datalake'
import { describe, expect, test } from 'vitest'
import { python } from '../python/run-story.ts'
import { type Family, keyOf } from './families.ts'

const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''
const script = fileURLToPath(new URL('in_process.py', import.meta.url))

type Document = Record<string, unknown>
type Contents = Record<string, Map<string, Document>>

/** A database and a folder of payloads that both programs use. */
interface Shared extends AsyncDisposable {
  readonly openOurs: () => Promise<Lake>
  /** Runs the package's lake; gives what it reads at the end, and payloads by asset. */
  readonly runPython: (
    mode: 'write' | 'mix' | 'read',
    seed: number,
  ) => Promise<{ readonly contents: Contents; readonly payloads: Map<string, string> }>
  readonly warnings: string[]
}

async function shared(): Promise<Shared> {
  await using stack = new AsyncDisposableStack()
  const { address } = stack.use(mongoPlace(server))
  const folder = stack.use(await temporaryFolder())
  const main = join(folder.path, 'main')
  await mkdir(main)
  const home = join(folder.path, 'home')
  await mkdir(home)
  const warnings: string[] = []
  const log = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
  const kept = stack.move()
  return {
    warnings,
    openOurs: () =>
      openLake(join(folder.path, 'lake'), {
        database: address,
        mounts: { main: `file:${main}` },
        settings: { slowOperations: 'allow' },
        log,
      }),
    runPython: async (mode, seed) => {
      const name = basename(address.split('?')[0] ?? '')
      const told = await runScript(home, [mode, server, name, main, String(seed)])
      const contents: Contents = {}
      const payloads = new Map<string, string>()
      for (const one of told) {
        if (typeof one.read === 'string') {
          contents[one.read] = byKey(one.read as Family, one.documents as Document[])
        }
        if (typeof one.payload === 'string') payloads.set(one.payload, String(one.text))
      }
      expect(told.at(-1)).toEqual({ done: mode })
      return { contents, payloads }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function runScript(home: string, args: readonly string[]): Promise<Document[]> {
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, PYTHONDONTWRITEBYTECODE: '1' }
  return new Promise((resolve, reject) => {
    execFile(
      python as string,
      [script, ...args],
      { maxBuffer: 64 * 1024 * 1024, env: { ...env, PYTHONIOENCODING: 'utf-8' } },
      (error, stdout, stderr) => {
        if (error !== null) reject(new Error(stderr.slice(-4000), { cause: error }))
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
        resolve(lines.map((line) => JSON.parse(line) as Document))
      },
    )
  })
}

function byKey(family: Family, documents: readonly Document[]): Map<string, Document> {
  return new Map(
    documents.map(({ _id, id, ...fields }) => [
      fields[keyOf[family]] as string,
      Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, instant(name, one)])),
    ]),
  )
}

/** Python tells times without a zone. */
function instant(name: string, value: unknown): unknown {
  return typeof value === 'string' && name.endsWith('_at') ? parseInstant(value) : value
}

async function contentsOf(lake: Lake): Promise<Contents> {
  const lists: Record<Family, readonly object[]> = {
    ...(await lake.assets.list({})),
    ...(await lake.collections.list({})),
    ...(await lake.collectionItems.list({})),
    ...(await lake.assetRetentions.list({})),
    ...(await lake.annotationSchemas.list({})),
    ...(await lake.annotationSets.list({})),
    ...(await lake.annotationRecords.list({})),
    ...(await lake.datums.list({})),
    ...(await lake.datasetVersions.list({})),
  }
  return Object.fromEntries(
    Object.entries(lists).map(([family, documents]) => [
      family,
      byKey(family as Family, documents as Document[]),
    ]),
  )
}

/** One image with all that belongs to it. */
async function aSample(lake: Lake, text: string): Promise<string> {
  const { asset } = await lake.assets.createFromObject({
    name: `ours-${text}`,
    data_base64: Buffer.from(text).toString('base64'),
    kind: 'image',
    media_type: 'image/png',
    asset_metadata: { 'a.b': 1, $set: { '': [5_000_000_000, 0.5, null] }, ключ: '🦭' },
  })
  const { asset_id } = asset
  await lake.aliases.add({ asset_id, alias: `alias of ${text}` })
  const { datum } = await lake.datums.create({ asset_refs: { image: asset_id }, split: 'val' })
  const { annotation_set } = await lake.annotationSets.create({
    name: 'ours',
    purpose: 'ground_truth',
    source_type: 'human',
    datum_id: datum.datum_id,
  })
  await lake.annotationRecords.add({
    annotation_set_id: annotation_set.annotation_set_id,
    annotations: [
      {
        kind: 'bbox',
        label: 'cat',
        score: 1,
        source: { type: 'human', name: 'ours' },
        geometry: { x: 1, y: 2, width: 3, height: 4.5 },
        subject: { kind: 'asset', id: asset_id },
      },
    ],
  })
  return datum.datum_id
}

async function writeOurs(lake: Lake, name: string): Promise<void> {
  const datums = [await aSample(lake, `${name} 1`), await aSample(lake, `${name} 2`)]
  const { collection } = await lake.collections.create({ name })
  const { collection_id } = collection
  const { assets } = await lake.assets.list({})
  const asset_id = assets[0]?.asset_id as string
  await lake.collectionItems.create({ collection_id, asset_id, split: 'train' })
  await lake.assetRetentions.create({ asset_id, owner_type: 'manual_pin', owner_id: name })
  await lake.annotationSchemas.create({
    name,
    version: '1',
    task_type: 'detection',
    allowed_annotation_kinds: ['bbox'],
    labels: [{ name: 'cat', id: 1 }],
  })
  await lake.datasetVersions.create({ dataset_name: name, version: '1', manifest: datums })
}

describe.skipIf(server === '' || (python ?? '') === '')(
  'with MINDTRACE_TEST_MONGODB_URL and MINDTRACE_TEST_PYTHON',
  () => {
    test('what Python wrote, we read; what we wrote, Python reads; we start second', async () => {
      await using both = await shared()
      const written = await both.runPython('write', 1)
      await using lake = await both.openOurs()
      expect(await contentsOf(lake)).toEqual(written.contents)
      await writeOurs(lake, 'ours')
      const read = await both.runPython('read', 2)
      expect(read.contents).toEqual(await contentsOf(lake))
      expect(read.contents.assets?.size).toBe(7)
      for (const [asset_id, text] of read.payloads) {
        const { body } = await lake.streams.readAsset(asset_id)
        expect(await new Response(body).text()).toBe(text)
      }
      expect(both.warnings).toEqual([])
    }, 120_000)

    test('Python starts second', async () => {
      await using both = await shared()
      await using lake = await both.openOurs()
      await writeOurs(lake, 'ours')
      const written = await both.runPython('write', 3)
      expect(written.contents).toEqual(await contentsOf(lake))
    }, 120_000)

    test('both write and change at the same time', async () => {
      await using both = await shared()
      await using lake = await both.openOurs()
      await writeOurs(lake, 'first')
      let running = true
      const mixing = Promise.all([both.runPython('mix', 4), both.runPython('mix', 5)]).finally(
        () => {
          running = false
        },
      )
      for (let n = 0; running; n += 1) {
        await aSample(lake, `at once ${n}`)
        const { assets } = await lake.assets.list({})
        const { asset_id } = assets[n % assets.length] as { asset_id: string }
        await lake.assets.updateMetadata({ asset_id, metadata: { n, 'by.us': true } })
        await lake.assets.listPage({ limit: 5 })
        await lake.annotationRecords.list({ filters: { label: 'cat' } })
      }
      await mixing
      const read = await both.runPython('read', 6)
      expect(read.contents).toEqual(await contentsOf(lake))
      const { issues } = await lake.lake.verify({})
      expect(issues).toEqual([])
      expect(both.warnings).toEqual([])
    }, 180_000)
  },
)
