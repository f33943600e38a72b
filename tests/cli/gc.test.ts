import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jsonLines, runCli, startCli } from './run-cli.ts'
import { writeVocFolder } from './voc-folder.ts'

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

const at = (...path: string[]) => join(folder.path, ...path)

/** Makes everything in a folder as old as it would be in a month. */
async function age(path: string): Promise<void> {
  const then = new Date(Date.now() - 30 * 24 * 3_600_000)
  for (const entry of await readdir(path, { recursive: true })) {
    await utimes(join(path, entry), then, then)
  }
}

test('what killed imports leave is told, then removed, and the lake stays whole', async () => {
  await writeVocFolder(at('voc'), 800)
  const lake = at('lake')
  const args = ['import', 'voc', at('voc'), '--dataset', 'x', '--lake', lake]
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const running = startCli(args)
    setTimeout(() => running.process.kill('SIGKILL'), 250 + Math.random() * 400)
    await running.finished
  }
  // Whatever the kills have left, this surely is garbage: the payloads of an abandoned ingest.
  const { code } = await runCli(['import', 'voc', at('voc'), '--dataset', 'y', '--lake', lake])
  expect(code).toBe(0)
  {
    await using opened = await openLake(lake)
    const { session } = await opened.ingest.begin({ dataset_name: 'z', version: '1' })
    const bytes = new TextEncoder().encode('of nobody')
    const image = { kind: 'image', media_type: 'image/png', size_bytes: bytes.byteLength } as const
    const sample = { source_key: 'z', ordinal: 0, split: null, metadata: {}, annotation_sets: [] }
    const assets = { image: { ...image, sha256: null, metadata: {} } }
    const items = [{ sample: { ...sample, assets }, payloads: { image: bytes } }]
    await opened.streams.ingestGroup(session.session_id, items)
    await opened.ingest.abandon({ session_id: session.session_id })
  }
  const gc = async (...more: string[]) => {
    const ended = await runCli(['gc', '--lake', lake, '--json', ...more])
    expect(ended.stderr).toBe('')
    expect(ended.code).toBe(0)
    return jsonLines(ended.stdout)[0] as { count: number; bytes: number }
  }
  expect(await gc('--dry-run')).toMatchObject({ count: 0 })
  await age(join(lake, 'main'))
  const dry = await gc('--dry-run', '--older-than', '7d')
  expect(dry.count).toBeGreaterThan(0)
  expect(dry).toMatchObject({ dry_run: true, older_than_seconds: 604_800 })
  expect(await gc()).toMatchObject({ count: dry.count, bytes: dry.bytes, dry_run: false })
  expect(await gc()).toMatchObject({ count: 0 })
  const verified = await runCli(['verify', '--read-data', '--lake', lake, '--json'])
  expect(jsonLines(verified.stdout)).toMatchObject([{ ok: true }])
  expect((await runCli(args)).code).toBe(0)
}, 60_000)

test.each([
  ['1', 'write 90m, 36h, 7d or 2w'],
  ['59m', 'at least 1h'],
])('--older-than %s is refused', async (given, message) => {
  const { code, stderr } = await runCli(['gc', '--older-than', given], { cwd: folder.path })
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})
