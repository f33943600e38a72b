import { mkdir, rename } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { backEnds, type ServedLake, serveWithKeys } from '../access/served-lake.ts'

function scrape({ address }: Pick<ServedLake, 'address'>, apiKey?: string) {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  return fetch(`${address}/metrics`, { headers })
}

const numberOf = (text: string, series: string) => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe.each(backEnds.filter(([, , missing]) => !missing))('metrics on %s', (_name, kind) => {
  test('are for keys that may see the whole lake', async () => {
    await using served = await serveWithKeys(kind)
    const scoped = await served.key('admin', { mounts: ['main'] })
    expect((await scrape(served)).status).toBe(401)
    expect((await scrape(served, 'mtk_wrong')).status).toBe(401)
    const refused = await scrape(served, scoped)
    expect(refused.status).toBe(403)
    expect(await refused.json()).toEqual({ detail: 'metrics are for keys without scopes' })
    const response = await scrape(served, served.keys.reader)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  test('tell of requests, mounts, database, queues and process, and nothing that was stored', async () => {
    await using served = await serveWithKeys(kind)
    const lake = served.as(served.keys.writer)
    const bytes = new Uint8Array(50_000).fill(7)
    const { storage_ref } = await lake.streams.writeObject(
      { mount: null, name: 'secret/name' },
      bytes,
    )
    const { body } = await lake.streams.readObject(storage_ref, { range: { start: 10, end: 1009 } })
    await new Response(body).bytes()
    await lake.objects.uploadSession.create({ name: 'waiting' })
    const response = await scrape(served, served.keys.reader)
    const text = await response.text()
    expect(
      numberOf(text, 'mindtrace_mount_bytes_total{mount="main",direction="written"}'),
    ).toBeGreaterThanOrEqual(50_000)
    const read = numberOf(text, 'mindtrace_mount_bytes_total{mount="main",direction="read"}')
    expect(read).toBeGreaterThanOrEqual(1_000)
    expect(read).toBeLessThan(50_000)
    expect(numberOf(text, 'mindtrace_mount_bytes_total{mount="other",direction="read"}')).toBe(0)
    expect(numberOf(text, 'mindtrace_queued{queue="uploads"}')).toBe(1)
    expect(numberOf(text, 'mindtrace_database_waiting')).toBe(0)
    expect(numberOf(text, 'mindtrace_audit_waiting')).toBeGreaterThanOrEqual(0)
    const open = numberOf(text, 'mindtrace_database_connections{state="open"}')
    if (kind === 'mongodb') expect(open).toBeGreaterThan(0)
    else expect(open).toBeUndefined()
    for (const outcome of ['writeObject', 'readObject', 'objects.upload_session.create']) {
      expect(
        numberOf(text, `mindtrace_request_duration_seconds_count{task="${outcome}",outcome="ok"}`),
      ).toBe(1)
    }
    expect(numberOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(10_000_000)
    expect(numberOf(text, 'process_start_time_seconds')).toBeLessThan(Date.now() / 1000)
    expect(
      numberOf(text, 'mindtrace_event_loop_lag_seconds{quantile="0.99"}'),
    ).toBeGreaterThanOrEqual(0)
    expect(text).not.toContain('secret')
    expect(text).not.toContain('mtk_')
  })

  test('come in Prometheus’ text: each series once, under a name with help and type', async () => {
    await using served = await serveWithKeys(kind)
    await served.post('summary', served.keys.reader)
    await scrape(served, served.keys.reader)
    const text = await (await scrape(served, served.keys.reader)).text()
    const typed = new Map<string, string>()
    const seen = new Set<string>()
    for (const line of text.split('\n').filter((one) => one !== '')) {
      const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line)
      if (type !== null) typed.set(type[1] as string, type[2] as string)
      if (line.startsWith('#')) continue
      const [, series = '', name = ''] =
        /^(([a-z_]+)(?:\{(?:[a-z]+="[^"\\]*",?)*\})?) [-+.\deINaf]+$/.exec(line) ?? []
      expect([line, series !== '']).toEqual([line, true])
      expect([line, seen.has(series)]).toEqual([line, false])
      seen.add(series)
      const base = name.replace(/_(?:bucket|sum|count)$/, '')
      expect([line, typed.has(name) || typed.get(base) === 'histogram']).toEqual([line, true])
    }
  })

  test('readiness follows the mounts', async () => {
    await using served = await serveWithKeys(kind)
    const ready = async () => {
      const response = await fetch(`${served.address}/ready`)
      return [response.status, await response.json()]
    }
    await served
      .as(served.keys.writer)
      .streams.writeObject({ mount: 'other', name: 'a' }, new Uint8Array(1))
    expect(await ready()).toEqual([200, { status: 'ready' }])
    const { mounts } = await served.lake.mounts()
    const backend = String(mounts.find(({ name }) => name === 'other')?.backend)
    const folder = backend.startsWith('file:') ? fileURLToPath(backend) : backend
    await rename(folder, `${folder}-away`)
    // Within a second an answer may be that of before.
    let answer = await ready()
    while (answer[0] === 200) answer = await ready()
    expect(answer).toEqual([
      503,
      {
        status: 'not ready',
        code: 'UNAVAILABLE',
        parts: [{ part: 'mount other', code: 'UNAVAILABLE' }],
      },
    ])
    await rename(`${folder}-away`, folder)
    while (answer[0] !== 200) answer = await ready()
    expect(answer).toEqual([200, { status: 'ready' }])
  })
})

test('metrics are open where nobody is asked for a key, on this machine only', async () => {
  const { temporaryFolder } = await import('@mindtrace/core/testing')
  const { openLake } = await import('@mindtrace/datalake')
  const { serve } = await import('@mindtrace/service')
  await using folder = await temporaryFolder()
  await mkdir(folder.path, { recursive: true })
  await using lake = await openLake(folder.path)
  await using service = await serve({ lake, port: 0, pidFolder: folder.path })
  expect((await scrape(service)).status).toBe(200)
})
