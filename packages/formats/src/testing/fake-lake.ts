import {
  createLake,
  deferredRows,
  type IngestGroupResult,
  type IngestItem,
  type IngestPayload,
  IngestSample,
  type IngestSchema,
  type IngestSession,
  type InPlacePayload,
  type Lake,
  type TaskInput,
  type TaskName,
  type TaskOutput,
} from '@mindtrace/contract'
import { sampleDigest } from '@mindtrace/contract/sample-digest'
import { bytesOf, MindtraceError } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'

/** What a {@link FakeLake} remembers of one dataset version. */
export interface FakeSession {
  readonly sessionId: string
  readonly name: string
  readonly version: string
  state: IngestSession['state']
  readonly schemas: Map<string, IngestSchema>
  readonly journal: Map<string, { readonly digest: string; readonly sample: IngestSample }>
}

/** The ingest part of a lake, in memory, with faults on demand. */
export class FakeLake {
  readonly sessions = new Map<string, FakeSession>()
  /** Called before a group is written; what it throws, the lake throws. */
  beforeGroup: (group: number) => void = () => {}
  /** Called after a group was written. */
  afterGroup: (group: number) => void = () => {}
  /** Source keys that the lake refuses. */
  readonly refused = new Set<string>()
  /** What lies in place in its mounts. */
  fileInPlace: (place: InPlacePayload) => Promise<Uint8Array> = notHere
  groups = 0
  begins = 0
  readonly lake: Lake = createLake({
    call: async (name, input) => (await this.#call(name, input)) as TaskOutput<typeof name>,
    streams: {
      readAsset: notHere,
      readObject: notHere,
      writeObject: notHere,
      ingestGroup: async (sessionId, items) => await this.#ingestGroup(sessionId, items),
      rows: () => deferredRows(notHere),
      appendUpload: notHere,
      archiveDataset: notHere,
      archiveAssets: notHere,
      archiveObjects: notHere,
    },
    dispose: async () => {},
  })

  /** The samples of a dataset version by ordinal. */
  samples(dataset: string, version: string): IngestSample[] {
    const session = this.sessions.get(`${dataset}@${version}`)
    const samples = Array.from(session?.journal.values() ?? [], ({ sample }) => sample)
    return samples.sort((a, b) => a.ordinal - b.ordinal)
  }

  async #call<Name extends TaskName>(name: Name, input: TaskInput<Name>): Promise<unknown> {
    switch (name) {
      case 'ingest.begin':
        return { session: this.#begin(input as TaskInput<'ingest.begin'>) }
      case 'ingest.plan': {
        const { session_id, source_keys } = input as TaskInput<'ingest.plan'>
        const { journal } = this.#session(session_id)
        const known = source_keys.flatMap((key) => {
          const entry = journal.get(key)
          return entry === undefined ? [] : [[key, entry.digest] as const]
        })
        return { known: Object.fromEntries(known) }
      }
      case 'ingest.commit':
        return { session: this.#commit(input as TaskInput<'ingest.commit'>) }
      case 'ingest.abandon': {
        const session = this.#session((input as TaskInput<'ingest.abandon'>).session_id)
        this.sessions.delete(session.sessionId)
        return { session_id: session.sessionId, samples_removed: session.journal.size }
      }
      default:
        throw new Error(`the fake lake has no ${name}`)
    }
  }

  #begin(input: TaskInput<'ingest.begin'>) {
    this.begins += 1
    const sessionId = `${input.dataset_name}@${input.version}`
    let session = this.sessions.get(sessionId)
    if (session === undefined) {
      session = {
        sessionId,
        name: input.dataset_name,
        version: input.version,
        state: 'open',
        schemas: new Map(),
        journal: new Map(),
      }
      this.sessions.set(sessionId, session)
    }
    for (const schema of (input.schemas ?? []) as IngestSchema[]) {
      session.schemas.set(`${schema.name}@${schema.version}`, schema)
    }
    return described(session)
  }

  #commit(input: TaskInput<'ingest.commit'>): IngestSession {
    const session = this.#session(input.session_id)
    const samples = this.samples(session.name, session.version)
    const keys = samples.map((sample) => `${sample.source_key}\n`).join('')
    if (samples.length !== input.samples || sha256Hex(keys) !== input.source_keys_sha256) {
      throw new MindtraceError('CONFLICT', 'the journal holds other samples')
    }
    session.state = 'committed'
    return described(session)
  }

  async #ingestGroup(
    sessionId: string,
    items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
  ): Promise<IngestGroupResult> {
    const session = this.#session(sessionId)
    if (session.state === 'committed') throw new MindtraceError('CONFLICT', 'committed')
    const group = this.groups++
    this.beforeGroup(group)
    const written = {
      assets: 0,
      datums: 0,
      annotation_sets: 0,
      annotation_records: 0,
      payload_bytes: 0,
    }
    const results: IngestGroupResult['samples'] = []
    for await (const { sample: sent, payloads } of items) {
      const sample = IngestSample.parse(sent)
      if (this.refused.has(sample.source_key)) {
        const error = { code: 'VALIDATION_FAILED', message: 'refused by the test' }
        results.push({
          source_key: sample.source_key,
          status: 'failed',
          datum_id: null,
          asset_ids: {},
          error,
        })
        continue
      }
      const hashes: Record<string, string> = {}
      for (const [role, asset] of Object.entries(sample.assets)) {
        const payload = payloads[role]
        if ((payload === undefined) === (asset.in_place === undefined)) {
          throw new Error(`${role} comes with bytes or in place`)
        }
        const bytes =
          asset.in_place !== undefined
            ? await this.fileInPlace(asset.in_place)
            : await bytesIn(payload as IngestPayload)
        hashes[role] = sha256Hex(bytes)
        if (asset.sha256 !== null && asset.sha256 !== hashes[role]) throw new Error('wrong hash')
        if (asset.size_bytes !== bytes.byteLength) throw new Error('wrong size')
        written.assets += 1
        if (asset.in_place === undefined) written.payload_bytes += bytes.byteLength
      }
      for (const set of sample.annotation_sets) {
        const schema = session.schemas.get(`${set.schema?.name}@${set.schema?.version}`)
        const labels = new Set(schema?.labels.map(({ name }) => name))
        for (const { label } of set.records) {
          if (!labels.has(label)) throw new Error(`label ${label} is not in its schema`)
        }
        written.annotation_sets += 1
        written.annotation_records += set.records.length
      }
      written.datums += 1
      session.journal.set(sample.source_key, { digest: sampleDigest(sample, hashes), sample })
      results.push({
        source_key: sample.source_key,
        status: 'created',
        datum_id: `datum_${sample.source_key}`,
        asset_ids: {},
        error: null,
      })
    }
    this.afterGroup(group)
    return { session_id: sessionId, samples: results, written }
  }

  #session(sessionId: string): FakeSession {
    const session = this.sessions.get(sessionId)
    if (session === undefined) throw new MindtraceError('NOT_FOUND', `no session ${sessionId}`)
    return session
  }
}

function described(session: FakeSession): IngestSession {
  return {
    session_id: session.sessionId,
    dataset_name: session.name,
    version: session.version,
    state: session.state,
    journaled: session.journal.size,
    dataset_version_id: session.state === 'committed' ? `dataset_version_${session.name}` : null,
  }
}

async function bytesIn(payload: IngestPayload): Promise<Uint8Array> {
  return payload instanceof Uint8Array ? payload : await bytesOf(await payload(), 1e9)
}

function notHere(): never {
  throw new Error('the fake lake has no such stream')
}
