import {
  type ByteStream,
  type CallOptions,
  type Clock,
  type Instant,
  isMindtraceError,
  mapBounded,
  systemClock,
} from '@mindtrace/core'
import { type PayloadSource, uncached } from '../../cache/payload-source.ts'
import type { ObjectMount, StageOptions } from '../../mount.ts'
import type { ObjectDocument } from '../../object-document.ts'
import { compareVersions } from '../../version.ts'
import {
  encodeName,
  type Garbage,
  type Layout,
  type MountFile,
  type ObjectId,
  type ObjectWrite,
  type OpenedFile,
  type OpenFileOptions,
  type PayloadFile,
  parseDocumentKey,
  payloadMissing,
  type ReadDocument,
  type StageTarget,
  type TakenBytes,
  type WriteOutcome,
} from '../layout.ts'
import { CommitPlans } from './commit-plans.ts'
import { payloadFiles, removeKeys, removePayload } from './payload-files.ts'
import { payloadFolder, uuidOf } from './payload-keys.ts'
import { HeldBytes, PayloadStaging, UploadedBytes } from './payload-staging.ts'
import { RemoteDocuments, Uncertain } from './remote-documents.ts'
import { type CollectOptions, RemoteGarbage } from './remote-garbage.ts'

const parallelObjects = 16
const parallelFiles = 4

/**
 * The reference's layout in an object store, without locks: the store decides who creates a document and
 * whether it is still the one that was read.
 *
 *     _meta_<name, ':' as %3A>@<version>.json            the document, last: it makes the object exist
 *     objects/<name>/<version>/<uuid>/<file>             the payload; the document names the uuid
 *     _staging/<name, escaped>/<version>/<uuid>.json     the plan: what may have to be cleaned up
 *
 * New:       plan · payload · document, created only · plan gone
 * Overwrite: plan · payload · document, if it is the one read · old payload gone · plan gone
 * Delete:    plan · document gone · payload gone · plan gone
 *
 * A group shares one plan, `_staging/_groups/1/<uuid>.json`, that lists its objects. When it is not known
 * whether a document was written, its payload and plan stay: {@link RemoteLayout.collectGarbage} looks again.
 *
 * @see registry.md 6, 11.3 to 11.6 and 24.4
 */
export class RemoteLayout implements Layout {
  readonly #mount: ObjectMount
  readonly #clock: Clock
  readonly #payloads: PayloadSource
  readonly #documents: RemoteDocuments
  readonly #plans: CommitPlans
  readonly #staging: PayloadStaging
  readonly #garbage: RemoteGarbage

  /** @param options - `payloads`: where payloads of the mount are read from. Default: the mount itself. */
  constructor(
    mount: ObjectMount,
    options: {
      readonly clock?: Clock | undefined
      readonly payloads?: PayloadSource | undefined
    } = {},
  ) {
    this.#mount = mount
    this.#payloads = options.payloads ?? uncached(mount)
    this.#clock = options.clock ?? systemClock
    this.#documents = new RemoteDocuments(mount)
    this.#plans = new CommitPlans(mount, this.#clock)
    this.#staging = new PayloadStaging(mount, this.#plans)
    this.#garbage = new RemoteGarbage({
      mount,
      documents: this.#documents,
      plans: this.#plans,
      clock: this.#clock,
    })
  }

  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    const versions: string[] = []
    for await (const id of this.objects(`${name}@`, options)) versions.push(id.version)
    return versions.sort(compareVersions)
  }

  async latest(name: string, options: CallOptions = {}): Promise<string | undefined> {
    return (await this.versions(name, options)).at(-1)
  }

  async *objects(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectId> {
    for await (const { key } of this.#mount.list(`_meta_${encodeName(prefix)}`, options)) {
      const id = parseDocumentKey(key, '.json')
      if (id !== undefined) yield id
    }
  }

  writtenAt(id: ObjectId, options: CallOptions = {}): Promise<Instant | undefined> {
    return this.#documents.writtenAt(id, options)
  }

  read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    return this.#documents.read(id, options)
  }

  async open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options: OpenFileOptions = {},
  ): Promise<OpenedFile | undefined> {
    let last: string | undefined
    for (;;) {
      const found = await this.read(id, { signal: options.signal })
      if (found === undefined) return undefined
      const { document } = found
      const file = fileOf(document)
      const key = this.payloadKey(id, document, file)
      // The same folder twice, and no file in it: nobody is about to replace it.
      if (key === last) throw payloadMissing(id, file)
      try {
        return { document, payload: await this.#payloads.read(key, options) }
      } catch (error) {
        if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      }
      last = key
    }
  }

  payloadKey(id: ObjectId, document: ObjectDocument, path: string): string {
    return payloadFolder(id, uuidOf(id, document)) + path
  }

  async files(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions = {},
  ): Promise<PayloadFile[]> {
    return await payloadFiles(this.#mount, id, uuidOf(id, document), options)
  }

  stage(
    target: StageTarget,
    body: Uint8Array | ByteStream,
    options: StageOptions = {},
  ): Promise<TakenBytes> {
    return this.#staging.stage(target, body, options)
  }

  adopt(target: StageTarget, key: string, options: StageOptions = {}): Promise<TakenBytes> {
    return this.#staging.adopt(target, key, options)
  }

  bring(
    target: StageTarget,
    file: MountFile,
    options: StageOptions = {},
  ): Promise<TakenBytes | undefined> {
    return this.#staging.bring(target, file, options)
  }

  async save(writes: readonly ObjectWrite[], options: CallOptions = {}): Promise<WriteOutcome[]> {
    const prepared = writes.map((write) => ({ id: write, write, uuid: uuidFor(write) }))
    const unplanned = prepared.filter(({ write, uuid }) => !isPlanned(write, uuid))
    const plan = unplanned.length === 0 ? undefined : await this.#plans.write(unplanned, options)
    let isClean = true
    const outcomes = await mapBounded(prepared, parallelObjects, async ({ write, uuid }) => {
      try {
        options.signal?.throwIfAborted()
        const { leftovers, ...outcome } = await this.#saveOne(write, uuid, options)
        isClean &&= !leftovers
        return outcome
      } catch (error) {
        isClean &&= !(error instanceof Uncertain)
        return {
          status: 'failed',
          error: error instanceof Uncertain ? error.cause : error,
        } as const
      }
    })
    if (plan !== undefined && isClean) await this.#plans.forget(plan)
    options.signal?.throwIfAborted()
    return outcomes
  }

  async delete(id: ObjectId, options: CallOptions = {}): Promise<void> {
    const found = await this.read(id, options)
    if (found === undefined) return
    const uuid = found.document._storage?.uuid
    const plan = uuid === undefined ? undefined : await this.#plans.write([{ id, uuid }], options)
    await this.#documents.delete(id, options)
    if (uuid === undefined || plan === undefined) return
    if (await removePayload(this.#mount, id, uuid)) await this.#plans.forget(plan)
  }

  collectGarbage(options: CollectOptions): AsyncGenerator<Garbage> {
    return this.#garbage.collect(options)
  }

  async #saveOne(
    write: ObjectWrite,
    uuid: string,
    options: CallOptions,
  ): Promise<
    Extract<WriteOutcome, { readonly document: ObjectDocument }> & { readonly leftovers: boolean }
  > {
    const brought: string[] = []
    try {
      await mapBounded(write.files, parallelFiles, async ({ path, staged }) => {
        const key = payloadFolder(write, uuid) + path
        if (staged instanceof UploadedBytes && staged.key === key) return
        brought.push(key)
        if (staged instanceof HeldBytes) await this.#mount.write(key, staged.bytes, options)
        else if (staged instanceof UploadedBytes) await this.#mount.copy(staged.key, key, options)
        else throw new TypeError('these bytes were staged by another layout')
      })
      const { oldUuid, ...outcome } = await this.#documents.commit(
        write,
        this.#complete(write, uuid),
        { ...options, onConflict: write.onConflict },
      )
      if (outcome.status === 'exists') {
        return { ...outcome, leftovers: !(await removeKeys(this.#mount, brought)) }
      }
      for (const { path, staged } of write.files) {
        const isInPlace = !brought.includes(payloadFolder(write, uuid) + path)
        if (staged instanceof UploadedBytes && isInPlace) staged.keep()
      }
      const isClean = oldUuid === undefined || (await removePayload(this.#mount, write, oldUuid))
      return { ...outcome, leftovers: !isClean }
    } catch (error) {
      if (error instanceof Uncertain) {
        for (const { staged } of write.files) if (staged instanceof UploadedBytes) staged.leave()
      } else await removeKeys(this.#mount, brought)
      throw error
    }
  }

  #complete({ document, ...id }: ObjectWrite, uuid: string): ObjectDocument {
    return {
      ...document,
      path: `${this.#mount.location}/${payloadFolder(id, uuid).slice(0, -1)}`,
      _storage: { uuid, created_at: `${this.#clock.now().slice(0, 23)}000Z` },
    }
  }
}

/** The folder of bytes that were uploaded for this very version, else a new one. */
function uuidFor(write: ObjectWrite): string {
  for (const { path, staged } of write.files) {
    if (!(staged instanceof UploadedBytes)) continue
    if (staged.key === payloadFolder(write, staged.uuid) + path) return staged.uuid
  }
  return crypto.randomUUID()
}

/** Whether the plan of an upload covers the write. */
function isPlanned(write: ObjectWrite, uuid: string): boolean {
  return write.files.every(({ staged }) => staged instanceof UploadedBytes && staged.uuid === uuid)
}
