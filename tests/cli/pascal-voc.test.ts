import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import mongoose from 'mongoose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''
const fixtures = fileURLToPath(new URL('../fixtures/pascal-voc/', import.meta.url))
const bin = fileURLToPath(
  new URL('../../apps/cli/src/bin/mindtrace-datalake-import-pascal-voc.ts', import.meta.url),
)
const printed =
  'Imported pascal-voc-2012-train@1.0.0 (train) with 4 datums, 4 image assets, 5 mask assets, 11 classification records, 67 detection records, and 5 segmentation records.\n'

interface Document {
  // biome-ignore lint/suspicious/noExplicitAny: documents of either program, compared as they are
  readonly [field: string]: any
}
type Documents = Readonly<Record<string, readonly Document[]>>

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
  await run('tar', ['xf', join(fixtures, 'source.tar'), '-C', folder.path])
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})
const relabelled = () => join(folder.path, 'relabelled')

/** The command as a process, and how it ended. */
async function imported(args: readonly string[], lake: string) {
  const own = ['--conditions=@mindtrace/source', '--disable-warning=ExperimentalWarning', bin]
  const env = { PATH: process.env.PATH, HOME: folder.path, MINDTRACE_LAKE: lake }
  return await run(process.execPath, [...own, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }) as Finished,
  )
}
interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The documents of the Python importer. */
function golden(): Documents {
  const from = join(fixtures, 'relabelled-train')
  return Object.fromEntries(
    readdirSync(from).map((name) => [
      name.replace('.json', ''),
      mongoose.mongo.BSON.EJSON.parse(readFileSync(join(from, name), 'utf8')) as Document[],
    ]),
  )
}

async function stored(address: string): Promise<Documents> {
  const connection = await mongoose.createConnection(address).asPromise()
  try {
    const names = Object.keys(golden())
    const all = names.map(async (name) => [
      name,
      await connection.getClient().db(connection.name).collection(name).find().toArray(),
    ])
    return Object.fromEntries(await Promise.all(all))
  } finally {
    await connection.close()
  }
}

/** A document without what differs between two imports of the same: ids and times. */
function plain(document: Document, root: string): Document {
  const fields = Object.entries(document).filter(
    ([name]) =>
      !/^(?:_id|\w+_id|\w+_ids|\w+_at|manifest|asset_refs|subject)$/.test(name) ||
      name === 'label_id',
  )
  return JSON.parse(JSON.stringify(Object.fromEntries(fields)).replaceAll(root, '$VOC_ROOT'))
}

/** What the records say, whatever their ids: each image with its sets, their schemas and records in order. */
function told(documents: Documents, root: string) {
  const by = (name: string, key: string) =>
    new Map((documents[`datalake_${name}`] ?? []).map((one) => [one[key], one]))
  const [assets, sets, schemas, records] = [
    by('assets', 'asset_id'),
    by('annotation_sets', 'annotation_set_id'),
    by('annotation_schemas', 'annotation_schema_id'),
    by('annotation_records', 'annotation_id'),
  ]
  const datums = by('datums', 'datum_id')
  const [version] = documents.datalake_dataset_versions ?? []
  return {
    version: plain(version ?? {}, root),
    aliases: documents.datalake_asset_aliases?.length,
    assets: assets.size,
    records: records.size,
    schemas: [...schemas.values()].map((schema) => plain(schema, root)),
    datums: version?.manifest.map((id: string) => {
      const datum = datums.get(id)
      const image = datum?.asset_refs.image
      return {
        ...plain(datum ?? {}, root),
        image: plain(assets.get(image) ?? {}, root),
        sets: datum?.annotation_set_ids.map((setId: string) => {
          const set = sets.get(setId)
          return {
            ...plain(set ?? {}, root),
            schema: schemas.get(set?.annotation_schema_id)?.name,
            records: set?.annotation_record_ids.map((recordId: string) => {
              const record = records.get(recordId) ?? {}
              const { mask_asset_id, ...geometry } = record.geometry
              return {
                ...plain(record, root),
                geometry,
                mask: mask_asset_id && plain(assets.get(mask_asset_id) ?? {}, root),
                isOfImage: record.subject.kind === 'asset' && record.subject.id === image,
              }
            }),
          }
        }),
      }
    }),
  }
}

describe.skipIf(server === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  test('makes the records of the Python importer, and says its line', async () => {
    await using place = mongoPlace(server)
    const lake = join(folder.path, 'lake')
    const name = new URL(place.address.replace('mongodb:', 'http:')).pathname.slice(1)
    const args = ['--mongo-db-uri', server, '--mongo-db-name', name, '--root-dir', relabelled()]
    const first = await imported([...args, '--no-progress'], lake)
    expect(first).toEqual({ code: 0, stdout: printed, stderr: '' })
    expect(told(await stored(place.address), relabelled())).toEqual(told(golden(), '$VOC_ROOT'))

    const again = await imported(args, lake)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('Dataset version already exists: pascal-voc-2012-train@1.0.0')

    const named = ['--dataset-name', 'mine', '--dataset-version', '2.0.0', '--created-by', 'me']
    const second = await imported([...args, '--split', 'val', ...named], lake)
    expect(second.stdout).toBe(
      'Imported mine@2.0.0 (val) with 2 datums, 2 image assets, 0 mask assets, 5 classification records, 34 detection records, and 0 segmentation records.\n',
    )

    // What goes wrong in the middle leaves no version behind.
    await writeFile(join(relabelled(), 'VOC2012/Annotations/BloodImage_00015.xml'), 'no XML')
    const broken = await imported([...args, '--split', 'val'], lake)
    expect(broken).toMatchObject({ code: 1, stdout: '' })
    expect(broken.stderr).toContain('BloodImage_00015.xml')
    const versions = (await stored(place.address)).datalake_dataset_versions ?? []
    expect(versions.map((one) => one.dataset_name).sort()).toEqual([
      'mine',
      'pascal-voc-2012-train',
    ])
  })
})

test('says what is missing, and what is wrong with its arguments', async () => {
  const lake = join(folder.path, 'none')
  const nowhere = join(folder.path, 'nowhere')
  const args = ['--mongo-db-uri', 'mongodb://127.0.0.1:1', '--mongo-db-name', 'x']
  const missing = await imported([...args, '--root-dir', nowhere], lake)
  expect(missing).toMatchObject({ code: 1, stdout: '' })
  expect(missing.stderr).toContain(`Pascal VOC 2012 not found under ${nowhere}`)
  expect(missing.stderr).toContain('--download')
  const trainval = await imported([...args, '--root-dir', nowhere, '--split', 'trainval'], lake)
  expect(trainval).toMatchObject({ code: 1, stdout: '' })
  expect(await imported(args, lake)).toMatchObject({ code: 2, stdout: '' })
  const split = await imported([...args, '--root-dir', nowhere, '--split', 'some'], lake)
  expect(split).toMatchObject({ code: 2, stdout: '' })
  await rm(lake, { recursive: true, force: true })
})

test('fetches and unpacks the archive where it is asked to', async () => {
  await using source = await temporaryFolder()
  await using root = await temporaryFolder()
  await run('tar', ['cf', join(source.path, 'voc.tar'), '-C', relabelled(), 'VOC2012'])
  const { createServer } = await import('node:http')
  const bytes = readFileSync(join(source.path, 'voc.tar'))
  const asked: (string | undefined)[] = []
  const archive = createServer(({ url }, answer) => {
    asked.push(url)
    // The first time it breaks off.
    answer.setHeader('content-length', bytes.byteLength)
    if (asked.length === 1) answer.write(bytes.subarray(0, 5000), () => answer.destroy())
    else answer.end(bytes)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => archive.once('listening', resolve))
  const { port } = archive.address() as { port: number }
  try {
    const ended = await imported(
      [
        ...['--mongo-db-uri', 'no-address', '--mongo-db-name', 'x', '--root-dir', root.path],
        ...['--download', '--source-url', `http://127.0.0.1:${port}/voc.tar`, '--no-progress'],
      ],
      join(root.path, 'lake'),
    )
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain('--mongo-db-uri is no address')
    expect(asked).toEqual(['/voc.tar', '/voc.tar'])
    expect(readdirSync(join(root.path, 'VOC2012')).sort()).toEqual([
      'Annotations',
      'ImageSets',
      'JPEGImages',
      'SegmentationClass',
    ])
  } finally {
    archive.close()
  }
})
