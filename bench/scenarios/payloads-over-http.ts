import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { join } from 'node:path'
import { openLake } from '@mindtrace/datalake'
import { type Served, serveMindtrace } from '../cli-process.ts'
import type { Measurement, Scenario } from '../scenario.ts'

const gigabyte = 1024 ** 3
const port = 18_085
const budgetMb = 50

/** 1 GB through the service in every way that there is. */
export const payloadsOverHttp: Scenario = {
  name: 'Payloads over HTTP',
  about:
    "A payload of 1 GB through `mindtrace serve`, a process of its own, on disk: the first of its kind after small ones, and the kernel's own peak of its memory above what it had before.",
  async run({ folder, shrink }) {
    const sizeBytes = Math.round(gigabyte / shrink)
    const [small, large] = [join(folder, 'small'), join(folder, 'large')]
    await writeFile(small, 'some bytes')
    await writeFile(large, 'sparse')
    await truncate(large, sizeBytes)
    {
      await using _lake = await openLake(join(folder, 'lake'))
    }
    await using served = await serveMindtrace(['--lake', join(folder, 'lake')], port)
    const client = new Client(served)
    const measured: Measurement[] = []
    for (const [what, work] of [
      ['put as a stream', (path: string) => client.put(path)],
      ['read', (path: string) => client.read(path)],
      ['put by tus', (path: string) => client.tus(path)],
      ['read in a tar archive', (path: string) => client.archive(path)],
    ] as const) {
      await work(small)
      measured.push(...(await client.grown(`${what}, 1 GB`, sizeBytes, () => work(large))))
    }
    return measured
  },
}

class Client {
  readonly #served: Served

  constructor(served: Served) {
    this.#served = served
  }

  async put(path: string): Promise<void> {
    await this.#send('PUT', `/v1/objects/main/${nameOf(path)}`, {}, path)
  }

  async read(path: string): Promise<void> {
    await this.#ask('GET', `/v1/objects/main/${nameOf(path)}`)
  }

  async archive(path: string): Promise<void> {
    const objects = [{ mount: 'main', name: nameOf(path), version: null }]
    await this.#ask('POST', '/v1/archives/objects', JSON.stringify({ objects }))
  }

  async tus(path: string): Promise<void> {
    const name = Buffer.from(`tus-${nameOf(path)}`).toString('base64')
    const begun = await this.#send('POST', '/v1/tus', {
      'tus-resumable': '1.0.0',
      'upload-length': String(await sizeOf(path)),
      'upload-metadata': `name ${name}`,
    })
    await this.#send(
      'PATCH',
      begun.headers.location ?? '',
      {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      },
      path,
    )
  }

  async grown(what: string, sizeBytes: number, work: () => Promise<void>): Promise<Measurement[]> {
    const { pid } = this.#served
    // The kernel forgets the peak: proc_pid_clear_refs(5).
    await writeFile(`/proc/${pid}/clear_refs`, '5')
    const before = await memoryOf(pid, 'VmRSS')
    const startedAt = performance.now()
    await work()
    const ms = performance.now() - startedAt
    const grown = (await memoryOf(pid, 'VmHWM')) - before
    return [
      { what, value: sizeBytes / ms / 1000, unit: 'MB/s' },
      {
        what: 'memory grown by that',
        value: grown,
        unit: 'MB',
        budget: { text: '< 50 MB', kept: grown < budgetMb },
      },
    ]
  }

  #ask(method: string, path: string, body = ''): Promise<IncomingMessage> {
    return this.#request(method, path, { 'content-type': 'application/json' }, (outgoing) =>
      outgoing.end(body),
    )
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    file?: string,
  ): Promise<IncomingMessage> {
    if (file === undefined) return this.#request(method, path, headers, (to) => to.end())
    const length = { ...headers, 'content-length': String(await sizeOf(file)) }
    return this.#request(method, path, length, (outgoing) =>
      createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(outgoing),
    )
  }

  #request(
    method: string,
    path: string,
    headers: RequestOptions['headers'],
    send: (outgoing: ReturnType<typeof request>) => void,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.#served.address)
      const outgoing = request(url, { method, headers }, (answer) => {
        const hash = createHash('sha256')
        answer.on('data', (chunk: Buffer) => hash.update(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 300) resolve(answer)
          else reject(new Error(`${method} ${path} answered ${answer.statusCode}`))
        })
      })
      outgoing.on('error', reject)
      send(outgoing)
    })
  }
}

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? ''
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size
}

/** In MB. */
async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kib = Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1])
  return (kib * 1024) / 1e6
}
