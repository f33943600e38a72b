import {
  type ByteStream,
  type CallOptions,
  dropBody,
  KeyedMutex,
  MindtraceError,
  mapBounded,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import { afterFile, beforeFile, type ContentHashForm, inHashOrder } from './content-hash.ts'
import { type Artifact, encodeBody, isArtifact, type Storable } from './encoding.ts'
import { ThreadHash } from './hash-thread.ts'
import {
  busy,
  type Layout,
  type ObjectId,
  type ObjectWrite,
  type StagedFile,
  type WriteOutcome,
} from './layouts/layout.ts'
import type { ObjectDocument } from './object-document.ts'
import { checkObjectName } from './object-name.ts'
import type { RegistrySettings } from './registry-settings.ts'
import { bumpVersion, firstVersion, parseVersion } from './version.ts'

/** What happens when the version to write exists: `skip` keeps it, `overwrite` replaces it. */
export type OnConflict = 'skip' | 'overwrite'

/** Bytes that lie in the mount already, under this key. */
export interface AdoptedBytes {
  readonly adopt: string
}

/** An {@link Artifact} whose files may lie in the mount already. */
export interface WritableArtifact extends Omit<Artifact, 'files'> {
  readonly files: readonly {
    readonly path: string
    readonly body: Uint8Array | ByteStream | AdoptedBytes
  }[]
}

/** A body that takes itself in, and has its document: a copy of another object. */
export interface ReadyObject {
  /** What is taken in goes onto the stack. */
  takeIn(
    target: ObjectId,
    options: CallOptions & { readonly stack: AsyncDisposableStack },
  ): Promise<{ readonly files: readonly StagedFile[]; readonly document: ObjectDocument }>
}

/** What is to be stored, with all that says how. */
export interface WriteItem {
  readonly name: string
  readonly body: Storable | WritableArtifact | ReadyObject
  readonly version?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly contentType?: string | undefined
  readonly onConflict?: OnConflict | undefined
  readonly sha256?: string | undefined
  readonly expected?: ExpectedBytes | undefined
}

/** What the sender says about the bytes; what differs is not stored. */
export interface ExpectedBytes {
  readonly sizeBytes?: number | undefined
  /** 64 hex digits. */
  readonly sha256?: string | undefined
}

/** What became of one {@link WriteItem}. */
export type ItemOutcome =
  | {
      readonly status: 'stored' | 'overwritten' | 'exists'
      readonly id: ObjectId
      readonly document: ObjectDocument
    }
  | { readonly status: 'failed'; readonly error: unknown }

interface Taken extends AsyncDisposable {
  readonly name: string
  /** Undefined when it is to be numbered. */
  readonly version: string | undefined
  readonly files: readonly StagedFile[]
  readonly document: ObjectDocument
  readonly onConflict: OnConflict
  /** What was numbered for {@link Layout.stage}. */
  readonly firstChoice: string
}

const lockWaitMs = 30_000
const groupItems = 64
const groupBytes = 16 * 1024 * 1024
const smallBytes = 1024 * 1024
const renumberings = 1000

/** Stores objects through a layout: takes bytes in, numbers versions, shares costs among small objects. */
export class ObjectWriter {
  readonly #layout: Layout
  readonly #settings: RegistrySettings
  readonly #contentHash: ContentHashForm
  readonly #location: string
  // Writers that number versions of one name go one after the other: side by side all but one would be
  // refused, again and again. Other processes still can be in the way.
  readonly #numbering = new KeyedMutex()

  constructor(options: {
    readonly layout: Layout
    readonly settings: RegistrySettings
    readonly contentHash: ContentHashForm
    readonly location: string
  }) {
    this.#layout = options.layout
    this.#settings = options.settings
    this.#contentHash = options.contentHash
    this.#location = options.location
  }

  /** Stores many objects; one outcome per item, in order. */
  async writeMany(
    items: readonly WriteItem[],
    options: CallOptions & { readonly concurrency?: number | undefined } = {},
  ): Promise<ItemOutcome[]> {
    const outcomes = new Array<ItemOutcome>(items.length)
    const singles: number[] = []
    for (const group of groupsOf(items, singles)) {
      options.signal?.throwIfAborted()
      await this.#writeGroup(items, { group, outcomes, singles }, options)
    }
    // Two items of one name run one after the other, so the last one of the list is the one that stays.
    const byName = Map.groupBy(singles, (index) => items[index]?.name)
    await mapBounded(
      [...byName.values()],
      options.concurrency ?? 8,
      async (indexes) => {
        for (const index of indexes.sort((a, b) => a - b)) {
          outcomes[index] = await this.write(items[index] as WriteItem, options)
        }
      },
      options,
    )
    return outcomes
  }

  /** Stores one object. @throws only the signal's reason. */
  async write(item: WriteItem, options: CallOptions = {}): Promise<ItemOutcome> {
    const isNumbered = this.#settings.versionObjects && item.version === undefined
    if (!isNumbered || sizeOf(item.body) === Infinity) return this.#write(item, options)
    return this.#numbering.run(item.name, () => this.#write(item, options))
  }

  async #write(item: WriteItem, options: CallOptions): Promise<ItemOutcome> {
    try {
      const existing = await this.#existing(item, options)
      if (existing !== undefined) {
        await cancelBodies(item, new Error('the object exists already'))
        return existing
      }
      await using taken = await this.#take(item, options)
      return await this.#save(taken, options)
    } catch (error) {
      await cancelBodies(item, error)
      options.signal?.throwIfAborted()
      return { status: 'failed', error }
    }
  }

  async #save(taken: Taken, options: CallOptions): Promise<ItemOutcome> {
    for (let attempt = 0; ; attempt++) {
      const version =
        taken.version ??
        (attempt === 0 ? taken.firstChoice : await this.#nextVersion(taken.name, options))
      const write = { ...taken, version }
      const [outcome] = await this.#layout.save([write], { ...options, waitMs: lockWaitMs })
      const isLost = outcome?.status === 'exists' && taken.version === undefined
      if (!isLost || attempt > renumberings) return outcomeOf(write, outcome)
    }
  }

  async #writeGroup(
    items: readonly WriteItem[],
    {
      group,
      outcomes,
      singles,
    }: {
      readonly group: readonly number[]
      readonly outcomes: ItemOutcome[]
      readonly singles: number[]
    },
    options: CallOptions,
  ): Promise<void> {
    await using stack = new AsyncDisposableStack()
    const writes: (ObjectWrite & { readonly index: number; readonly isNumbered: boolean })[] = []
    // Numbering asks the mount, staging keeps it busy.
    await mapBounded(group, this.#settings.versionObjects ? 16 : 1, async (index) => {
      try {
        const taken = stack.use(await this.#take(items[index] as WriteItem, options))
        const isNumbered = taken.version === undefined
        writes.push({ ...taken, version: taken.firstChoice, index, isNumbered })
      } catch (error) {
        options.signal?.throwIfAborted()
        outcomes[index] = { status: 'failed', error }
      }
    })
    const saved = await this.#layout.save(writes, options)
    for (const [position, write] of writes.entries()) {
      const outcome = saved[position]
      const isLost = outcome?.status === 'exists' && write.isNumbered
      if (isLost || outcome?.status === 'busy') singles.push(write.index)
      else outcomes[write.index] = outcomeOf(write, outcome)
    }
  }

  /** What would not be stored anyway need not be sent: asked only for bodies that are worth the question. */
  async #existing(item: WriteItem, options: CallOptions): Promise<ItemOutcome | undefined> {
    if (sizeOf(item.body) <= smallBytes) return undefined
    checkObjectName(item.name)
    const version = this.#versionToWrite(item.version)
    if (version === undefined || this.#onConflict(item.onConflict) !== 'skip') return undefined
    const id = { name: item.name, version }
    const found = await this.#layout.read(id, options)
    return found && { status: 'exists', id, document: found.document }
  }

  /** Checks an item and takes its bytes in. */
  async #take(item: WriteItem, options: CallOptions): Promise<Taken> {
    checkObjectName(item.name)
    const version = this.#versionToWrite(item.version)
    const onConflict = this.#onConflict(item.onConflict)
    const firstChoice = version ?? (await this.#nextVersion(item.name, options))
    await using stack = new AsyncDisposableStack()
    const id = { name: item.name, version: firstChoice }
    const { body } = item
    const { files, document } = isReady(body)
      ? await body.takeIn(id, { ...options, stack })
      : await this.#encode(id, { ...item, body }, { ...options, stack })
    const moved = stack.move()
    return {
      name: item.name,
      version,
      firstChoice,
      files,
      document,
      // A numbered write must never replace what another writer numbered alike.
      onConflict: version === undefined ? 'skip' : onConflict,
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    }
  }

  /** Takes in a body that has no document yet, and makes one. */
  async #encode(
    id: ObjectId,
    item: WriteItem & { readonly body: Storable | WritableArtifact },
    options: CallOptions & { readonly stack: AsyncDisposableStack },
  ): Promise<{ readonly files: readonly StagedFile[]; readonly document: ObjectDocument }> {
    const artifact = isArtifact(item.body) ? item.body : encodeBody(item.body)
    const { files, contentHash } = await this.#stage(id, artifact, {
      ...options,
      sha256: item.body instanceof Uint8Array ? item.sha256 : undefined,
    })
    checkExpected(item, files)
    const [only] = files
    const document: ObjectDocument = {
      class: artifact.className,
      materializer: artifact.materializer,
      init_params: artifact.initParams ?? {},
      metadata: item.metadata ?? {},
      ...(contentHash === undefined ? {} : { hash: contentHash }),
      _files: files.map(({ path }) => path).sort(),
      size_bytes: files.reduce((sum, { staged }) => sum + staged.sizeBytes, 0),
      ...(files.length === 1 && only !== undefined ? { sha256: only.staged.sha256 } : {}),
      ...(item.contentType === undefined ? {} : { content_type: item.contentType }),
    }
    return { files, document }
  }

  /** Takes the files in, in the order in which the content hash wants them. */
  async #stage(
    id: ObjectId,
    artifact: WritableArtifact,
    options: CallOptions & {
      readonly sha256: string | undefined
      readonly stack: AsyncDisposableStack
    },
  ): Promise<{ readonly files: StagedFile[]; readonly contentHash: string | undefined }> {
    const bodies = new Map(artifact.files.map(({ path, body }) => [path, body]))
    const isStreamed = [...bodies.values()].some((body) => !(body instanceof Uint8Array))
    const form = this.#contentHash
    const hash = form === 'none' ? undefined : isStreamed ? new ThreadHash() : new RunningHash()
    const order = form === 'none' ? 'v2' : form
    const token = crypto.randomUUID()
    const files: StagedFile[] = []
    try {
      for (const path of inHashOrder(order, [...bodies.keys()])) {
        const body = bodies.get(path) ?? new Uint8Array()
        const target = { ...id, path, token }
        await hash?.update(beforeFile(order, path))
        const onChunk = async (chunk: Uint8Array) => hash?.update(chunk)
        const { signal, sha256 } = options
        if (body instanceof Uint8Array) await hash?.update(body)
        const staged = await (body instanceof Uint8Array
          ? this.#layout.stage(target, body, { signal, sha256 })
          : 'adopt' in body
            ? this.#layout.adopt(target, body.adopt, { signal, onChunk })
            : this.#layout.stage(target, body, { signal, onChunk }))
        files.push({ path, staged: options.stack.use(staged) })
        await hash?.update(afterFile(order))
      }
      return { files, contentHash: await hash?.digestHex() }
    } finally {
      if (hash instanceof ThreadHash) hash.cancel()
    }
  }

  #versionToWrite(version: string | undefined): string | undefined {
    const { versionObjects, versionDigits } = this.#settings
    if (!versionObjects) return firstVersion(versionDigits)
    if (version === undefined) return undefined
    if (version === 'latest') {
      throw new MindtraceError(
        'INVALID_INPUT',
        "'latest' cannot be written; leave the version out for the next one",
      )
    }
    return parseVersion(version, versionDigits)
  }

  async #nextVersion(name: string, options: CallOptions): Promise<string> {
    const latest = await this.#layout.latest(name, options)
    return latest === undefined
      ? firstVersion(this.#settings.versionDigits)
      : bumpVersion(latest.replace(/^v/, ''))
  }

  #onConflict(wanted: OnConflict | undefined): OnConflict {
    if (wanted === 'overwrite' && !this.#settings.mutable) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `the registry in '${this.#location}' is immutable: onConflict cannot be 'overwrite'`,
      )
    }
    return wanted ?? (this.#settings.mutable ? 'overwrite' : 'skip')
  }
}

/** Groups of items that are small, in memory and of different names; the others go to `singles`. */
function* groupsOf(items: readonly WriteItem[], singles: number[]): Generator<readonly number[]> {
  let group: number[] = []
  let bytes = 0
  const counts = new Map<string, number>()
  for (const { name } of items) counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const [index, { name, body }] of items.entries()) {
    const size = sizeOf(body)
    if (size > smallBytes || counts.get(name) !== 1) {
      singles.push(index)
      continue
    }
    group.push(index)
    bytes += size
    if (group.length < groupItems && bytes < groupBytes) continue
    yield group
    group = []
    bytes = 0
  }
  if (group.length > 0) yield group
}

/** Infinity for what is not in memory. */
function sizeOf(body: WriteItem['body']): number {
  if (body instanceof ReadableStream || isReady(body)) return Infinity
  if (!isArtifact(body)) return body.length
  return body.files.reduce(
    (sum, file) => sum + (file.body instanceof Uint8Array ? file.body.byteLength : Infinity),
    0,
  )
}

function isReady(body: WriteItem['body']): body is ReadyObject {
  return typeof body === 'object' && 'takeIn' in body
}

async function cancelBodies({ body }: WriteItem, reason: unknown): Promise<void> {
  if (isReady(body)) return
  const bodies = isArtifact(body) ? body.files.map((file) => file.body) : [body]
  for (const each of bodies) await dropBody(each, reason)
}

function checkExpected(item: WriteItem, files: readonly StagedFile[]): void {
  const { sizeBytes, sha256 } = item.expected ?? {}
  const size = files.reduce((sum, { staged }) => sum + staged.sizeBytes, 0)
  if (sizeBytes !== undefined && size !== sizeBytes) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${item.name}' was announced with ${sizeBytes} bytes, ${size} arrived; send it again`,
      { details: { name: item.name, expected: sizeBytes, actual: size } },
    )
  }
  const actual = files[0]?.staged.sha256
  if (sha256 !== undefined && actual !== sha256.toLowerCase()) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${item.name}' was announced with SHA-256 ${sha256}, but its bytes have ${actual}; send it again`,
      { details: { name: item.name, expected: sha256, actual } },
    )
  }
}

function outcomeOf(write: ObjectWrite, outcome: WriteOutcome | undefined): ItemOutcome {
  if (outcome === undefined || outcome.status === 'busy') {
    return { status: 'failed', error: busy(write) }
  }
  if (outcome.status === 'failed') return outcome
  return { ...outcome, id: { name: write.name, version: write.version } }
}
