import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf, isMindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { openMount } from './mount-url.ts'
import { LocalMount, openLocalMount } from './mounts/local/index.ts'
import { openS3Mount } from './mounts/s3/index.ts'
import { openRegistry, type Registry } from './registry.ts'
import { collect } from './testing/collect.ts'

const writer = new URL('testing/writer-process.ts', import.meta.url).pathname

const openers = { file: openLocalMount, s3: openS3Mount }

function startWriter(url: string, plan: Readonly<Record<string, unknown>>): ChildProcess {
  return spawn(
    process.execPath,
    ['--conditions=@mindtrace/source', writer, url, JSON.stringify(plan)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
}

async function outputOf(child: ChildProcess): Promise<string[]> {
  let text = ''
  child.stdout?.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return text.split('\n').filter((line) => line !== '')
}

describe('several processes on one folder', () => {
  it('number the versions of one object without losing any', async () => {
    await using folder = await temporaryFolder()
    const root = join(folder.path, 'lake')
    const plan = { kind: 'number', name: 'vault/cat', count: 25 }
    const outputs = await Promise.all(
      ['a', 'b', 'c'].map((writerId) =>
        outputOf(startWriter(`file://${root}`, { ...plan, writerId })),
      ),
    )
    const reported = outputs
      .flat()
      .map((line) => JSON.parse(line) as { version: string; text: string })
    expect(reported).toHaveLength(75)
    const registry = await openRegistry(new LocalMount(root))
    const versions = await registry.versions('vault/cat')
    expect(versions).toEqual(Array.from({ length: 75 }, (_, index) => `1.0.${index}`))
    for (const { version, text } of reported) {
      expect(await registry.text('vault/cat', { version })).toBe(text)
    }
  })

  it('overwrite one object while it is read, and no read fails', async () => {
    await using folder = await temporaryFolder()
    const root = join(folder.path, 'lake')
    const registry = await openRegistry(new LocalMount(root), { mutable: true })
    await registry.put('x', 'a'.repeat(50_000))
    const writers = ['b', 'c'].map((writerId) =>
      startWriter(`file://${root}`, { kind: 'overwrite', name: 'x', count: 60, writerId }),
    )
    let isWriting = true
    const writing = Promise.all(writers.map(outputOf)).then((outputs) => {
      isWriting = false
      return outputs.flat()
    })
    let reads = 0
    while (isWriting) {
      expect(new Set(await registry.text('x')).size).toBe(1)
      reads++
    }
    expect(await writing).toHaveLength(120)
    expect(reads).toBeGreaterThan(20)
  })
})

/** Every object there is, whole. */
async function expectWhole(registry: Registry): Promise<string[]> {
  const names = await collect(registry.list())
  for (const name of names) {
    for (const version of await registry.versions(name)) {
      expect(await registry.verify(name, { version })).toBe(true)
    }
  }
  return names
}

/** Reads what it finds until told to stop; what it opens is whole, or was deleted before. */
function startReader(url: string): { readonly stop: () => Promise<number> } {
  let isStopped = false
  const reading = (async () => {
    await using registry = await openMount(url, { openers })
    let reads = 0
    while (!isStopped) {
      for await (const name of registry.list()) {
        if (isStopped) break
        const object = await registry.info(name).catch(ignoreNotFound)
        const file = object?.files[0]
        if (object === undefined || file === undefined) continue
        const opened = await registry.openFile(name, file).catch(ignoreNotFound)
        if (opened === undefined) continue
        // Files of one overwrite hold one letter; anything else is verified as it is read.
        const bytes = await bytesOf(opened.body, 1e8)
        if (name === 'folder') expect(new Set(bytes).size).toBe(1)
        reads++
        await sleep(3)
      }
      await sleep(3)
    }
    return reads
  })()
  return {
    stop: () => {
      isStopped = true
      return reading
    },
  }
}

function ignoreNotFound(error: unknown): undefined {
  if (!isMindtraceError(error, 'NOT_FOUND')) throw error
}

async function killAt(url: string, kind: string, round: number): Promise<void> {
  const plan = { kind, count: 1e6, writerId: `${'abcdefghij'[round % 10]}${round}` }
  const name = kind === 'folder' ? 'folder' : 'photos/x'
  const child = startWriter(url, { ...plan, name })
  const closed = once(child, 'close')
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.stdout?.resume()
  // The point is where the writer happens to be, from its first object on.
  const until = performance.now() + ((round * 7919) % 37)
  while (performance.now() < until) await new Promise(setImmediate)
  child.kill('SIGKILL')
  await closed
}

/** Of five kinds of writers, with five kills each. */
const lives = Number(process.env.MINDTRACE_TEST_LIVES ?? 3)

describe('a process killed while it writes, and others read', () => {
  it.concurrent.each(['number', 'many', 'overwrite', 'stream', 'folder'] as const)(
    'leaves no half object in a folder and does not stand in the way: %s',
    async (kind) => {
      await using folder = await temporaryFolder()
      for (let life = 0; life < lives; life++) {
        const url = `file://${folder.path}/lake-${life}?durability=none`
        const reader = startReader(url)
        for (let round = 0; round < 5; round++) {
          await killAt(url, kind, life * 5 + round)
          await using registry = await openMount(url, { openers })
          const names = await expectWhole(registry)
          const startedAt = performance.now()
          for (const name of names.slice(-2)) {
            const onConflict = registry.settings.mutable ? 'overwrite' : 'skip'
            if (kind === 'folder') continue
            const object = await registry.put(name, `after ${round}`, { onConflict })
            expect(await registry.text(name, { version: object.version })).toBe(`after ${round}`)
          }
          expect(performance.now() - startedAt).toBeLessThan(10_000)
          for await (const _ of registry.collectGarbage({ olderThanMs: -1000 }));
        }
        await reader.stop()
        await using registry = await openMount(url, { openers })
        await registry.mount.sweep({ olderThanMs: 0 })
        await expectWhole(registry)
      }
    },
    240_000,
  )
})

const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describe.skipIf(s3 === '')(
  'with MINDTRACE_TEST_S3_ENDPOINT, a process killed while it writes',
  () => {
    it.concurrent.each(['number', 'many', 'overwrite', 'stream', 'folder'] as const)(
      'leaves no half object in a bucket, and all garbage can be found: %s',
      async (kind) => {
        const bucket = `killed-${randomUUID()}`
        for (let round = 0; round < 4; round++) {
          const url = `s3://${bucket}/${kind}-${round}?endpoint=${encodeURIComponent(s3)}`
          const isVersioned = kind !== 'overwrite' && kind !== 'folder'
          await using first = await openMount(url, {
            openers,
            defaults: { mutable: true, versionObjects: isVersioned },
          })
          await first.put('first', 'makes the bucket')
          const reader = startReader(url)
          await killAt(url, kind, round)
          await reader.stop()
          await using registry = await openMount(url, { openers })
          await expectWhole(registry)
          for await (const _ of registry.collectGarbage({ olderThanMs: -90_000_000 }));
          await registry.mount.sweep({ olderThanMs: 0 })
          const names = await expectWhole(registry)
          const left = await collect(registry.mount.list(''))
          const owned = new Set<string>()
          for (const name of names) {
            for (const version of await registry.versions(name)) {
              const { path, _storage, ...document } =
                (await registry.document(name, { version })) ?? {}
              for (const file of document._files as string[]) {
                const { uuid } = _storage as { uuid: string }
                owned.add(`objects/${name}/${version}/${uuid}/${file}`)
              }
            }
          }
          const payloads = left.map(({ key }) => key).filter((key) => /^(?:objects|_st)/.test(key))
          expect(payloads.sort()).toEqual([...owned].sort())
        }
      },
      240_000,
    )
  },
)
