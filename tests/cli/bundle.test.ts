import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { freePort } from '../servers/child-server.ts'
import { startCollector } from '../service/collector.ts'

/** What `pnpm build` made: the other tests run the sources. */
const built = fileURLToPath(new URL('../../apps/cli/dist/bin/', import.meta.url))
const run = promisify(execFile)

describe('the built commands', () => {
  it.each(['mindtrace', 'mindtrace-datalake-import-pascal-voc'])('%s runs', async (name) => {
    const { stdout } = await run(process.execPath, [join(built, `${name}.js`), '--help'])
    expect(stdout).toContain(`Usage: ${name}`)
  })

  it('keep what was compiled of them for the next time, unless nothing is to be kept', async () => {
    await using folder = await temporaryFolder()
    const caches = join(folder.path, 'caches')
    const kept = { MINDTRACE_CACHE: undefined, NODE_COMPILE_CACHE: undefined }
    const env = { ...process.env, ...kept, XDG_CACHE_HOME: caches }
    const help = [join(built, 'mindtrace.js'), '--help']
    await run(process.execPath, help, { env: { ...env, MINDTRACE_CACHE: 'off' } })
    await expect(readdir(caches)).rejects.toMatchObject({ code: 'ENOENT' })
    await run(process.execPath, help, { env })
    expect(await readdir(join(caches, 'mindtrace', 'compiled'))).toHaveLength(1)
    // A home that can't be written keeps nobody from working.
    await writeFile(join(folder.path, 'file'), '')
    const unwritable = { ...env, XDG_CACHE_HOME: join(folder.path, 'file') }
    const { stdout } = await run(process.execPath, help, { env: unwritable })
    expect(stdout).toContain('Usage: mindtrace')
  })

  it('know their version', async () => {
    const manifest = await readFile(join(built, '../../package.json'), 'utf8')
    const { stdout } = await run(process.execPath, [join(built, 'mindtrace.js'), '--version'])
    expect(stdout.trim()).toBe((JSON.parse(manifest) as { version: string }).version)
  })

  it('bring the licences of what others wrote of them', async () => {
    const licences = await readFile(join(built, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
    for (const name of ['commander', 'hono', 'mongodb', 'saxes', 'yaml', 'zod']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+$`, 'm'))
    }
  })

  it('send traces where the variables say, with nothing installed beside them', async () => {
    await using collector = await startCollector()
    await using folder = await temporaryFolder()
    const port = String(await freePort())
    const child = spawn(
      process.execPath,
      [join(built, 'mindtrace.js'), 'serve', '--port', port, '--lake', join(folder.path, 'lake')],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          OTEL_BSP_SCHEDULE_DELAY: '100',
        },
      },
    )
    const closed = once(child, 'close')
    try {
      await once(child.stderr, 'data')
      await expect
        .poll(() => fetch(`http://127.0.0.1:${port}/ready`).then(({ status }) => status))
        .toBe(200)
      await expect.poll(() => collector.requests.length, { timeout: 10_000 }).toBeGreaterThan(0)
    } finally {
      child.kill('SIGINT')
      await closed
    }
  })

  const url = process.env.MINDTRACE_TEST_MONGODB_URL as string
  const databases = {
    SQLite: () => [],
    MongoDB: () => ['--database', url.replace('/?', `/bundle_${process.pid}?`)],
  }

  it.for(Object.entries(databases))(
    'serve a lake in %s that they make, with its pages',
    { timeout: 60_000 },
    async ([name, options], { skip }) => {
      skip(name === 'MongoDB' && url === undefined, 'set MINDTRACE_TEST_MONGODB_URL')
      await using folder = await temporaryFolder()
      const port = String(await freePort())
      const lake = ['--lake', join(folder.path, 'lake'), ...options()]
      const child = spawn(
        process.execPath,
        [join(built, 'mindtrace.js'), 'serve', '--port', port, ...lake],
        { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_ENV: 'production' } },
      )
      const closed = once(child, 'close')
      try {
        await once(child.stderr, 'data')
        const address = `http://127.0.0.1:${port}`
        await expect.poll(() => fetch(`${address}/ready`).then(({ status }) => status)).toBe(200)
        for (const [path, type] of [
          ['/', 'text/html'],
          ['/docs', 'text/html'],
          ['/docs/swagger-ui.css', 'text/css'],
          ['/openapi.json', 'application/json'],
        ] as const) {
          const answer = await fetch(address + path)
          expect([path, answer.status]).toEqual([path, 200])
          expect(answer.headers.get('content-type')).toContain(type)
          expect(await answer.text()).not.toContain('is not installed here')
        }
        const made = await fetch(`${address}/assets.create_from_object`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            name: 'one',
            data_base64: 'AAAA',
            kind: 'other',
            media_type: 'a/b',
          }),
        })
        expect([made.status, await made.json()]).toMatchObject([
          200,
          { asset: { storage_ref: { name: 'one', version: '1.0.0' } } },
        ])
      } finally {
        child.kill('SIGINT')
      }
      const [code] = await closed
      expect(code).toBe(0)
    },
  )
})
