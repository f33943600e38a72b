import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { LocalMount } from './mounts/local/index.ts'
import { openRegistry } from './registry.ts'
import { collect } from './testing/collect.ts'

const writer = new URL('testing/writer-process.ts', import.meta.url).pathname

function startWriter(root: string, plan: Readonly<Record<string, unknown>>): ChildProcess {
  return spawn(
    process.execPath,
    ['--conditions=@mindtrace/source', writer, root, JSON.stringify(plan)],
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
      ['a', 'b', 'c'].map((writerId) => outputOf(startWriter(root, { ...plan, writerId }))),
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
      startWriter(root, { kind: 'overwrite', name: 'x', count: 60, writerId }),
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

describe('a process killed while it writes', () => {
  it.each(['number', 'many', 'overwrite', 'stream'] as const)(
    'leaves no half object and does not stand in the way: %s',
    async (kind) => {
      await using folder = await temporaryFolder()
      const root = join(folder.path, 'lake')
      for (let round = 0; round < 12; round++) {
        const child = startWriter(root, {
          kind,
          name: 'photos/x',
          count: 1e6,
          writerId: `w${round}`,
        })
        const closed = once(child, 'close')
        await once(child.stdout as NodeJS.ReadableStream, 'data')
        child.stdout?.resume()
        // The point is where the writer happens to be, from its first object on.
        const until = performance.now() + ((round * 7919) % 37)
        while (performance.now() < until) await new Promise(setImmediate)
        child.kill('SIGKILL')
        await closed
        await using mount = new LocalMount(root)
        const registry = await openRegistry(mount)
        for (const name of await collect(registry.list())) {
          for (const version of await registry.versions(name)) {
            const { object, body } = await registry.open(name, { version })
            const bytes = await bytesOf(body, 1e9)
            expect(sha256Hex(bytes)).toBe(object.sha256)
            expect(bytes.byteLength).toBe(object.sizeBytes)
          }
        }
        const startedAt = performance.now()
        const names = await collect(registry.list())
        for (const name of names.slice(-3)) {
          const onConflict = registry.settings.mutable ? 'overwrite' : 'skip'
          const object = await registry.put(name, `after ${round}`, { onConflict })
          expect(await registry.text(name, { version: object.version })).toBe(`after ${round}`)
          await registry.delete(name, { version: object.version })
        }
        expect(performance.now() - startedAt).toBeLessThan(5_000)
        await mount.sweep({ olderThanMs: 0 })
      }
    },
    120_000,
  )
})
