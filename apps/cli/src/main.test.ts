import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Io } from './io.ts'
import { main } from './main.ts'

let folder: TemporaryFolder
let lake: string

beforeAll(async () => {
  folder = await temporaryFolder()
  lake = join(folder.path, 'lake')
  const source = join(folder.path, 'plates')
  await mkdir(source)
  for (const [name, label] of [
    ['left', 'dent'],
    ['right', 'scratch'],
  ]) {
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background: '#567' } })
    await writeFile(join(source, `${name}.jpg`), await image.jpeg().toBuffer())
    await writeFile(
      join(source, `${name}.xml`),
      `<annotation><object><name>${label}</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>`,
    )
  }
  const imported = await run('import', 'voc', source, '--dataset', 'plates')
  expect(imported).toMatchObject({ code: 0 })
})

afterAll(() => folder[Symbol.asyncDispose]())

/** Runs the command line in this process, with `--lake` unless the arguments have their own. */
async function run(...argv: string[]) {
  return await runIn({}, ...argv, ...(argv.includes('--lake') ? [] : ['--lake', lake]))
}

async function runIn(env: Io['env'], ...argv: string[]) {
  const chunks: Uint8Array[] = []
  let stderr = ''
  const output = (take: (chunk: string | Uint8Array) => void) => ({
    isTTY: false,
    columns: 80,
    write: async (chunk: string | Uint8Array) => take(chunk),
  })
  const code = await main(argv, {
    env,
    stdout: output((chunk) => chunks.push(Buffer.from(chunk))),
    stderr: output((chunk) => {
      stderr += String(chunk)
    }),
    signal: new AbortController().signal,
  })
  const bytes = Buffer.concat(chunks)
  return { code, stdout: bytes.toString(), bytes, stderr }
}

const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('ls shows datasets as a table, and as a JSON object a line', async () => {
  const { stdout } = await run('ls')
  expect(stdout).toMatch(
    /^DATASET\s+LATEST\s+VERSIONS\s+DATUMS\s+UPDATED\nplates\s+1\.0\.0\s+1\s+2\s+\d{4}-/,
  )
  expect(lines((await run('ls', 'datasets', '--json')).stdout)).toMatchObject([
    { dataset_name: 'plates', latest_version: '1.0.0', datums: 2 },
  ])
})

test('ls filters, limits and pages assets', async () => {
  const filter = '{"metadata.source_path":"left.jpg"}'
  const found = await run('ls', 'assets', '--filter', filter, '--json')
  expect(lines(found.stdout)).toMatchObject([
    { kind: 'image', media_type: 'image/jpeg', metadata: { source_image_id: 'left' } },
  ])
  expect(lines((await run('ls', 'assets', '--limit', '1', '--json')).stdout)).toHaveLength(1)
  const refused = await run('ls', 'assets', '--filter', '{"$where":"1"}')
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('$where') })
})

test('ls shows mounts, and says so when there is nothing', async () => {
  expect((await run('ls', 'mounts')).stdout).toContain(join(lake, 'main'))
  expect(await run('ls', 'collections')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'no collections\n',
  })
})

test('show finds a dataset by name, a datum and an asset by id, and names what it can not find', async () => {
  const dataset = JSON.parse((await run('show', 'plates')).stdout)
  expect(dataset).toMatchObject({
    dataset_name: 'plates',
    version: '1.0.0',
    datums: 2,
    stats: { labels: { dent: 1, scratch: 1 }, payload_bytes: expect.any(Number) },
  })
  expect(dataset).not.toHaveProperty('manifest')
  const [asset] = lines((await run('ls', 'assets', '--json')).stdout)
  const id = String(asset?.asset_id)
  expect(lines((await run('show', id, '--json')).stdout)).toMatchObject([{ asset_id: id }])
  const unknown = await run('show', 'asset_nothing')
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toContain("nothing is called 'asset_nothing'")
})

test("cat gives an asset's bytes, to a pipe or a new file", async () => {
  const filter = '{"metadata.source_path":"right.jpg"}'
  const [asset] = lines((await run('ls', 'assets', '--filter', filter, '--json')).stdout)
  const id = String(asset?.asset_id)
  const original = await readFile(join(folder.path, 'plates/right.jpg'))
  expect((await run('cat', id)).bytes).toEqual(original)
  const out = join(folder.path, 'copy.jpg')
  expect(await run('cat', id, '--out', out)).toMatchObject({ code: 0, stdout: '' })
  expect(await readFile(out)).toEqual(original)
  const again = await run('cat', id, '--out', out)
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining(out) })
})

test('stats counts the lake and a dataset', async () => {
  expect((await run('stats')).stdout).toMatch(/assets\s+2\n/)
  const [counted] = lines((await run('stats', 'plates@1.0.0', '--json')).stdout)
  expect(counted).toMatchObject({ datums: 2, annotation_records: 2, kinds: { bbox: 2 } })
  expect(await run('stats', 'nothing')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no dataset 'nothing'"),
  })
})

test('doctor finds a whole lake well, and a missing payload ill', async () => {
  const well = await run('doctor', '--read-data', '--json')
  expect(well.code).toBe(0)
  expect(lines(well.stdout)).toMatchObject([{ ok: true }])

  const other = join(folder.path, 'ill')
  const args = ['--dataset', 'plates', '--lake', other]
  await run('import', 'voc', join(folder.path, 'plates'), ...args)
  const [asset] = lines((await run('ls', 'assets', '--json', '--lake', other)).stdout)
  const { name } = (asset?.storage_ref ?? {}) as { name: string }
  await writeFile(join(other, 'main', name, '1.0.0/data.txt'), 'something else')
  const ill = await run('doctor', '--read-data', '--lake', other)
  expect(ill.code).toBe(1)
  expect(ill.stdout).toMatch(/^failed\s+contents: \d+ issues, the first: payload_size /m)
})

test('takes the lake from its variable, and a flag before it', async () => {
  vi.stubEnv('MINDTRACE_LAKE', lake)
  expect((await runIn({}, 'ls')).stdout).toContain('plates')
  expect((await runIn({}, 'ls', '--lake', join(folder.path, 'none'))).code).toBe(2)
  vi.unstubAllEnvs()
})

test('help names the commands with examples; an unknown command is wrong usage', async () => {
  const help = await runIn({}, '--help')
  expect(help.code).toBe(0)
  expect(help.stdout).toContain('mindtrace import voc ./VOCdevkit --dataset pets')
  expect((await runIn({}, 'frobnicate')).code).toBe(2)
})
