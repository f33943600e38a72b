import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { main } from './main.ts'

async function run(...argv: string[]) {
  let stdout = ''
  let stderr = ''
  const output = (take: (text: string) => void) => ({
    isTTY: false,
    columns: 80,
    write: async (chunk: string | Uint8Array) => take(String(chunk)),
  })
  const code = await main(argv, {
    env: {},
    stdout: output((text) => {
      stdout += text
    }),
    stderr: output((text) => {
      stderr += text
    }),
    signal: new AbortController().signal,
  })
  return { code, stdout, stderr }
}

test('cache tells what is kept, and empties it', async () => {
  await using folder = await temporaryFolder()
  const cache = join(folder.path, 'kept')
  expect(await run('cache', '--cache', cache, '--cache-size', '20MB')).toMatchObject({
    code: 0,
    stdout: `${cache}: 0 payloads, 0 B of at most 20.0 MB\n`,
  })
  await mkdir(join(cache, 'ab'), { recursive: true })
  await writeFile(join(cache, 'ab', 'c'.repeat(62)), 'x'.repeat(1000))
  await writeFile(join(cache, 'mine.txt'), 'x')
  const told = await run('cache', '--cache', cache, '--json')
  expect(JSON.parse(told.stdout)).toEqual({
    enabled: true,
    folder: cache,
    max_bytes: 10_000_000_000,
    payloads: 1,
    size_bytes: 1000,
    cleared: false,
  })
  const cleared = await run('cache', '--clear', '--cache', cache)
  expect(cleared.stdout).toBe(`${cache}: 1 payloads, 1.0 kB removed\n`)
  expect(await readdir(cache, { recursive: true })).toEqual(['ab', 'mine.txt'])
})

test('cache says when it is off, and refuses a size that is none', async () => {
  expect((await run('cache', '--cache', 'off')).stdout).toBe('nothing is kept: the cache is off\n')
  const off = await run('cache', '--cache', 'off', '--json')
  expect(JSON.parse(off.stdout)).toEqual({ enabled: false })
  const wrong = await run('cache', '--cache-size', 'much')
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--cache-size much') })
})

test('doctor looks at the cache of a lake that has mounts in object stores', async () => {
  await using folder = await temporaryFolder()
  const lake = join(folder.path, 'lake.json')
  const mounts = { main: 'file:main', bucket: 's3://bucket?endpoint=http://127.0.0.1:1' }
  await writeFile(lake, JSON.stringify({ database: 'mongodb+srv:', mounts }))
  const cacheOf = async (...flags: string[]) => {
    const { stdout } = await run('doctor', '--lake', lake, '--json', ...flags)
    const { checks } = JSON.parse(stdout) as {
      checks: { name: string; state: string; message: string }[]
    }
    return checks.find(({ name }) => name === 'cache')
  }
  const kept = join(folder.path, 'kept')
  expect(await cacheOf('--cache', kept)).toMatchObject({
    state: 'ok',
    message: `0 payloads of bucket, 0 B of at most 10.0 GB, in ${kept}`,
  })
  expect(await cacheOf('--cache', 'off')).toMatchObject({ state: 'ok' })
  expect(await cacheOf('--cache', join(lake, 'kept'))).toMatchObject({
    state: 'warning',
    message: expect.stringContaining('choose another folder with --cache'),
  })
  await writeFile(lake, JSON.stringify({ database: 'mongodb+srv:', mounts: { main: 'file:main' } }))
  expect(await cacheOf('--cache', kept)).toBeUndefined()
})
