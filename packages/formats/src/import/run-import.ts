import type {
  IngestItem,
  IngestPayload,
  IngestSample,
  IngestSession,
  Lake,
} from '@mindtrace/contract'
import { sampleDigest } from '@mindtrace/contract/sample-digest'
import { type CallOptions, chunksOf, MindtraceError } from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type { ImportSource, SourceSample } from '../sample-source.ts'
import type { ImportReport } from './import-report.ts'
import { ImportTally } from './import-tally.ts'
import { SchemaLabels } from './schema-labels.ts'

export interface ImportProgress {
  /** Samples that are dealt with: taken, found unchanged, or left out. */
  readonly done: number
  readonly total: number
  readonly phase: 'import' | 'commit' | 'done'
}

export interface ImportOptions extends CallOptions {
  readonly dataset: string
  readonly version: string
  readonly description?: string | null | undefined
  /** The mount for payloads; null is the lake's default. */
  readonly mount?: string | null | undefined
  /** Files of the source stay where they are. Payloads that are no files of its own are stored all the same. */
  readonly inPlace?: FilesInPlace | undefined
  readonly createdBy?: string | null | undefined
  /** A group is sent when it has this many samples (default 64, at most 1,000) … */
  readonly groupSamples?: number | undefined
  /** … or payloads of this many bytes (default 16 MiB). */
  readonly groupBytes?: number | undefined
  /** Groups sent at the same time (default 2): one's payloads go to disk beside the other's records. */
  readonly groupsUnderWay?: number | undefined
  /** Forgets what an interrupted import has brought in, and begins anew. */
  readonly restart?: boolean | undefined
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined
  /** For the report's `seconds`; default `performance.now`. */
  readonly nowMs?: (() => number) | undefined
}

/** How the lake names the files of a source's folder. */
export interface FilesInPlace {
  /** A plain mount of the lake. */
  readonly mount: string
  /** What stands before a file's path within the source: empty, or ending in `/`. */
  readonly prefix: string
  /**
   * Whether the lake is told the hash that each file has here, and refuses one that has another there.
   * For a lake elsewhere, whose files may be others. Default false: the lake's word is enough.
   */
  readonly compare?: boolean | undefined
}

/**
 * Brings a source into a lake as one dataset version. Samples travel in groups, one under way while the
 * next is read; the lake's journal knows what it has, so an interrupted import is continued by the same
 * call, and the version appears last, whole. Samples that can't be taken are in the report's `errors`.
 *
 * An abort lets the group under way end, then throws the signal's reason; the lake stays consistent.
 *
 * @throws {@link MindtraceError} `CONFLICT` when the version exists with other samples, or when the
 * source changed since an interrupted import (then `restart` or another version helps); what the lake
 * throws.
 */
export async function runImport(
  lake: Lake,
  source: ImportSource,
  options: ImportOptions,
): Promise<ImportReport> {
  const run = new ImportRun(lake, source, options)
  return await run.run()
}

interface Group {
  readonly samples: SourceSample[]
  bytes: number
}

class ImportRun {
  readonly #lake: Lake
  readonly #source: ImportSource
  readonly #options: ImportOptions
  readonly #tally = new ImportTally()
  readonly #labels: SchemaLabels
  readonly #keys = new RunningHash()
  readonly #differences = new Differences()
  /** Settles when the lake's schemas have every label learned so far. */
  #schemas: Promise<void> = Promise.resolve()
  #accepted = 0
  #ordinal = 0
  #known = 0
  #done = 0

  constructor(lake: Lake, source: ImportSource, options: ImportOptions) {
    this.#lake = lake
    this.#source = source
    this.#options = options
    this.#labels = new SchemaLabels(source.schemas)
  }

  async run(): Promise<ImportReport> {
    const now = this.#options.nowMs ?? (() => performance.now())
    const startedMs = now()
    this.#options.signal?.throwIfAborted()
    const session = await this.#begin()
    this.#progress('import')
    await this.#sendAll(session)
    this.#options.signal?.throwIfAborted()
    this.#progress('commit')
    const committed = await this.#commit(session)
    this.#progress('done')
    return this.#tally.report({
      dataset: session.dataset_name,
      version: session.version,
      dataset_version_id: committed.dataset_version_id,
      seconds: Math.round(now() - startedMs) / 1000,
    })
  }

  async #begin(): Promise<IngestSession> {
    const session = await this.#openSession()
    if (this.#options.restart !== true || session.state === 'committed') return session
    await this.#lake.ingest.abandon({ session_id: session.session_id })
    return await this.#openSession()
  }

  async #openSession(): Promise<IngestSession> {
    const { dataset, version, description, mount, createdBy } = this.#options
    const { session } = await this.#lake.ingest.begin({
      dataset_name: dataset,
      version,
      description: description ?? null,
      mount: mount ?? null,
      created_by: createdBy ?? null,
      metadata: { ...this.#source.metadata },
      schemas: this.#labels.schemas(),
    })
    return session
  }

  /** Groups are under way while the next one is read. */
  async #sendAll(session: IngestSession): Promise<void> {
    const { signal } = this.#options
    const groupSamples = Math.min(this.#options.groupSamples ?? 64, 1000)
    const groupBytes = this.#options.groupBytes ?? 16 * 1024 * 1024
    const underWay: Promise<void>[] = []
    const send = async (group: Group) => {
      if (underWay.length >= (this.#options.groupsUnderWay ?? 2)) await underWay.shift()
      signal?.throwIfAborted()
      const sent = this.#sendGroup(session, this.#inOrder(group), underWay.at(-1))
      sent.catch(() => {}) // it is awaited before a later group, or below
      underWay.push(sent)
    }
    let group: Group = { samples: [], bytes: 0 }
    try {
      for await (const event of this.#source.samples({ signal })) {
        if (event.type === 'problem') {
          this.#tally.addFinding(event.finding)
          if (event.skipped) {
            this.#tally.skipped += 1
            this.#done += 1
          }
          continue
        }
        for (const finding of event.findings) this.#tally.addFinding(finding)
        group.samples.push(event)
        for (const asset of Object.values(event.sample.assets)) group.bytes += asset.size_bytes
        if (group.samples.length >= groupSamples || group.bytes >= groupBytes) {
          const full = group
          group = { samples: [], bytes: 0 }
          await send(full)
        }
      }
      if (group.samples.length > 0) await send(group)
    } finally {
      // Whatever ended the reading: no group is left behind.
      await Promise.allSettled(underWay)
    }
    await Promise.all(underWay)
  }

  /** Gives the samples their places in the manifest, before anything may overtake anything. */
  #inOrder(group: Group): IngestItem[] {
    return group.samples.map(({ sample, payloads, files = {} }) => ({
      sample: {
        ...sample,
        assets: placed(sample.assets, files, this.#options.inPlace),
        ordinal: this.#ordinal++,
      },
      payloads,
    }))
  }

  /** `before` is the group sent before: what becomes of a sample is counted in the order of the source. */
  async #sendGroup(
    session: IngestSession,
    group: readonly IngestItem[],
    before: Promise<void> | undefined,
  ): Promise<void> {
    const sessionId = session.session_id
    const { known } = await this.#lake.ingest.plan({
      session_id: sessionId,
      source_keys: group.map(({ sample }) => sample.source_key),
    })
    const items: IngestItem[] = []
    const present = new Map<string, IngestSample>()
    for (const item of group) {
      const { sample } = item
      present.set(sample.source_key, sample)
      const digest = Object.hasOwn(known, sample.source_key) ? known[sample.source_key] : undefined
      if (digest !== undefined) {
        this.#known += 1
        if (digest === (await digestOf(item))) this.#tally.unchanged += 1
        else this.#differences.add('changed', sample.source_key)
      } else if (session.state === 'committed') {
        this.#differences.add('new', sample.source_key)
      } else items.push(item)
    }
    for (const key of await this.#ingest(sessionId, items)) present.delete(key)
    await before
    for (const sample of present.values()) {
      this.#tally.addSample(sample)
      this.#keys.update(Buffer.from(`${sample.source_key}\n`))
      this.#accepted += 1
    }
    this.#done += group.length
    this.#progress('import')
  }

  /** Sends what the lake does not have, and gives the keys of the samples that it refused. */
  async #ingest(sessionId: string, items: readonly IngestItem[]): Promise<string[]> {
    if (items.length === 0) return []
    if (this.#labels.learn(items.map(({ sample }) => sample))) {
      this.#schemas = this.#schemas.then(async () => void (await this.#openSession()))
    }
    await this.#schemas
    const sent = await Promise.all(items.map((item) => this.#withoutFiles(item)))
    const result = await this.#lake.streams.ingestGroup(sessionId, sent)
    this.#tally.addWritten(result.written)
    const refused: string[] = []
    for (const { source_key: key, status, error } of result.samples) {
      if (status === 'unchanged') this.#tally.unchanged += 1
      if (status !== 'failed') continue
      refused.push(key)
      this.#tally.skipped += 1
      this.#tally.addError({
        code: error?.code ?? 'INTERNAL',
        path: key,
        message: error?.message ?? 'the lake did not take this sample',
      })
    }
    return refused
  }

  /** The item as it is sent: without the bytes that the lake has where they are. */
  async #withoutFiles({ sample, payloads }: IngestItem): Promise<IngestItem> {
    const { inPlace } = this.#options
    if (inPlace === undefined) return { sample, payloads }
    const assets = { ...sample.assets }
    const sent: Record<string, IngestPayload> = {}
    for (const [role, payload] of Object.entries(payloads)) {
      const asset = assets[role]
      if (asset?.in_place === undefined) sent[role] = payload
      else if (inPlace.compare === true && asset.sha256 === null) {
        assets[role] = { ...asset, sha256: await payloadSha256(payload) }
      }
    }
    return { sample: { ...sample, assets }, payloads: sent }
  }

  async #commit(session: IngestSession): Promise<IngestSession> {
    const { dataset_name: dataset, version } = session
    const gone = Math.max(0, session.journaled - this.#known)
    if (this.#differences.isEmpty && gone === 0) {
      if (session.state === 'committed') return session
      const answer = await this.#lake.ingest.commit({
        session_id: session.session_id,
        samples: this.#accepted,
        source_keys_sha256: this.#keys.digestHex(),
      })
      return answer.session
    }
    const what = this.#differences.text(gone)
    const details = { dataset, version, missing: gone, ...this.#differences.details() }
    throw session.state === 'committed'
      ? new MindtraceError(
          'CONFLICT',
          `${dataset}@${version} exists with other samples: ${what}; versions never change, import as another version`,
          { details },
        )
      : new MindtraceError(
          'CONFLICT',
          `the source changed since the interrupted import of ${dataset}@${version}: ${what}; restart the import, or import as another version`,
          { details },
        )
  }

  #progress(phase: ImportProgress['phase']): void {
    this.#options.onProgress?.({ done: this.#done, total: this.#source.total, phase })
  }
}

function placed(
  assets: IngestSample['assets'],
  files: Readonly<Record<string, string>>,
  inPlace: FilesInPlace | undefined,
): IngestSample['assets'] {
  if (inPlace === undefined) return assets
  const { mount, prefix } = inPlace
  return Object.fromEntries(
    Object.entries(assets).map(([role, asset]) => {
      if (!Object.hasOwn(files, role)) return [role, asset]
      return [role, { ...asset, in_place: { mount, name: `${prefix}${files[role]}` } }]
    }),
  )
}

/** How a source differs from what the lake has of it: all counted, the first few named. */
class Differences {
  readonly #counts = { changed: 0, new: 0 }
  readonly #examples: Record<'changed' | 'new', string[]> = { changed: [], new: [] }

  get isEmpty(): boolean {
    return this.#counts.changed + this.#counts.new === 0
  }

  add(kind: 'changed' | 'new', key: string): void {
    this.#counts[kind] += 1
    if (this.#examples[kind].length < 20) this.#examples[kind].push(key)
  }

  text(missing: number): string {
    const parts = (['changed', 'new'] as const)
      .filter((kind) => this.#counts[kind] > 0)
      .map((kind) => `${this.#counts[kind]} ${kind} (${this.#examples[kind][0]} …)`)
    if (missing > 0) parts.push(`${missing} missing`)
    return parts.join(', ')
  }

  details(): Record<string, unknown> {
    return { ...this.#counts, examples: this.#examples }
  }
}

async function digestOf({ sample, payloads }: IngestItem): Promise<string> {
  const hashes: Record<string, string> = {}
  for (const [role, asset] of Object.entries(sample.assets)) {
    const payload = payloads[role]
    if (payload === undefined) {
      throw new MindtraceError('INTERNAL', `${sample.source_key}: no payload for role "${role}"`)
    }
    hashes[role] = asset.sha256 ?? (await payloadSha256(payload))
  }
  return sampleDigest(sample, hashes)
}

async function payloadSha256(payload: IngestPayload): Promise<string> {
  if (typeof payload !== 'function') return sha256Hex(payload)
  const hash = new RunningHash()
  for await (const chunk of chunksOf(await payload())) hash.update(chunk)
  return hash.digestHex()
}
