import {
  type ByteStream,
  type CallOptions,
  isMindtraceError,
  MindtraceError,
  mapBounded,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import {
  afterFile,
  beforeFile,
  ContentHash,
  type ContentHashForm,
  inHashOrder,
} from './content-hash.ts'
import {
  formatId,
  type Layout,
  type ObjectId,
  payloadMissing,
  type ReadDocument,
  type StagedFile,
  type TakenBytes,
} from './layouts/layout.ts'
import { isObjectMount, type Mount } from './mount.ts'
import type { ObjectDocument } from './object-document.ts'
import type { ReadyObject } from './object-writer.ts'
import { hashMismatch, verified } from './verified-body.ts'

/** One object version, as it was found. */
export interface CopySource extends ReadDocument {
  readonly id: ObjectId
  readonly layout: Layout
  readonly mount: Mount
}

/** Where the copy goes. */
export interface CopyTarget {
  readonly layout: Layout
  readonly mount: Mount
  readonly contentHash: ContentHashForm
}

type TakeOptions = Parameters<ReadyObject['takeIn']>[1]

const parallelFiles = 4

/** The source became another one while it was copied. */
export class SourceChanged extends Error {
  constructor() {
    super('the source was changed while it was copied')
  }
}

/**
 * The copy of an object: its files as they are, and its document. Where both mounts are of one service, the
 * store copies the files itself; where it can't, or may not, they are sent.
 *
 * @see registry.md 24.5
 */
export class CopiedObject implements ReadyObject {
  readonly #source: CopySource
  readonly #target: CopyTarget

  constructor(source: CopySource, target: CopyTarget) {
    this.#source = source
    this.#target = target
  }

  /** @throws {@link SourceChanged}; `CORRUPT` when the source does not match its hash or has lost a file. */
  async takeIn(target: ObjectId, options: TakeOptions) {
    const { id, layout, document, etag } = this.#source
    const paths =
      document._files?.map((file) => file.replaceAll('\\', '/')) ??
      (await layout.files(id, document, options)).map(({ path }) => path)
    if (paths.length === 0) throw payloadMissing(id, 'any')
    const taken =
      (await this.#brought(target, paths, options)) ?? (await this.#sent(target, paths, options))
    // Files of a store lie in the folder of their write. Others are replaced where they are.
    if (document._storage === undefined && (await this.#etagNow(options)) !== etag) {
      throw new SourceChanged()
    }
    return taken
  }

  /** Lets the store copy the files; undefined when they have to be sent. */
  async #brought(target: ObjectId, paths: readonly string[], { signal, stack }: TakeOptions) {
    const { id, layout, mount, document } = this.#source
    // What is brought keeps its hash, whose form can't be changed without the bytes.
    if (!isObjectMount(mount) || this.#target.contentHash === 'v1') return undefined
    const hash =
      document.hash === undefined && this.#target.contentHash === 'v2'
        ? new RunningHash()
        : undefined
    const token = crypto.randomUUID()
    await using held = new AsyncDisposableStack()
    const bring = async (path: string) => {
      hash?.update(beforeFile('v2', path))
      const file = { mount, key: layout.payloadKey(id, document, path) }
      const staged = await this.#target.layout.bring({ ...target, path, token }, file, {
        signal,
        ...(hash === undefined ? {} : { onChunk: (chunk) => hash.update(chunk) }),
      })
      hash?.update(afterFile('v2'))
      return staged && { path, staged: held.use(staged) }
    }
    // The first tells whether the others need be tried; what is hashed comes one after the other.
    const [first = '', ...others] = inHashOrder('v2', paths)
    const brought = [await bring(first)]
    if (brought[0] === undefined) return undefined
    const parallel = hash === undefined ? parallelFiles : 1
    brought.push(...(await mapBounded(others, parallel, bring, { signal })))
    const files = brought.filter((file) => file !== undefined)
    if (files.length < brought.length) return undefined
    const sizeBytes = sizeOf(files)
    if (document.size_bytes !== undefined && document.size_bytes !== sizeBytes) {
      throw new MindtraceError(
        'CORRUPT',
        `'${formatId(id)}' has ${sizeBytes} bytes, recorded are ${document.size_bytes}; restore it from another lake`,
        { details: { ...id, sizeBytes, recorded: document.size_bytes } },
      )
    }
    stack.use(held.move())
    const kept = this.#target.contentHash === 'none' ? undefined : document.hash
    return this.#taken(files, kept ?? hash?.digestHex())
  }

  /** Reads the files and stages them, checked on their way. */
  async #sent(target: ObjectId, paths: readonly string[], { signal, stack }: TakeOptions) {
    const form = this.#target.contentHash
    const order = form === 'none' ? 'v2' : form
    const hashes = hashesOf(paths, order)
    const token = crypto.randomUUID()
    const files: StagedFile[] = []
    for (const path of inHashOrder(order, paths)) {
      for (const hash of hashes.values()) hash.beginFile(path)
      const staged = await this.#target.layout.stage(
        { ...target, path, token },
        await this.#open(path, { signal }),
        {
          signal,
          onChunk: (chunk) => {
            for (const hash of hashes.values()) hash.update(chunk)
          },
        },
      )
      files.push({ path, staged: stack.use(staged) })
      for (const hash of hashes.values()) hash.endFile()
    }
    const digests = new Map([...hashes].map(([each, hash]) => [each, hash.digestHex()]))
    const recorded = this.#source.document.hash
    // Not known to be v1 where that reads the files in another order: then they are read once more.
    const isRight = recorded === undefined || [...digests.values()].includes(recorded)
    if (!isRight && (hashes.size === 2 || !(await this.#isHashedInOrder(paths, { signal })))) {
      if ((await this.#etagNow({ signal })) !== this.#source.etag) throw new SourceChanged()
      throw hashMismatch(this.#source.id)
    }
    return this.#taken(files, form === 'none' ? undefined : digests.get(form))
  }

  /** Whether the recorded hash is of the other form than the one in whose order the files were read. */
  async #isHashedInOrder(paths: readonly string[], options: CallOptions): Promise<boolean> {
    const other = this.#target.contentHash === 'v1' ? 'v2' : 'v1'
    const hash = new ContentHash(other)
    for (const path of inHashOrder(other, paths)) {
      hash.beginFile(path)
      for await (const chunk of await this.#open(path, options)) hash.update(chunk)
      hash.endFile()
    }
    return hash.digestHex() === this.#source.document.hash
  }

  async #open(path: string, { signal }: CallOptions): Promise<ByteStream> {
    const { id, layout, mount, document, etag } = this.#source
    try {
      const { body } = await mount.read(layout.payloadKey(id, document, path), { signal })
      return verified(body, id, document)
    } catch (error) {
      if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      if ((await this.#etagNow({ signal })) !== etag) throw new SourceChanged()
      throw payloadMissing(id, path)
    }
  }

  async #etagNow(options: CallOptions): Promise<string | undefined> {
    return (await this.#source.layout.read(this.#source.id, options))?.etag
  }

  /** The source's document, without what tells where its files lie. */
  #taken(files: readonly StagedFile[], hash: string | undefined) {
    const { hash: _hash, sha256, path: _path, _storage, _ts, ...kept } = this.#source.document
    const [only] = files.length === 1 ? files : []
    const known = only?.staged.sha256 ?? sha256
    const document: ObjectDocument = {
      ...kept,
      ...(hash === undefined ? {} : { hash }),
      _files: files.map(({ path }) => path).sort(),
      size_bytes: sizeOf(files),
      ...(known === undefined ? {} : { sha256: known }),
    }
    return { files, document }
  }
}

function sizeOf(files: readonly { readonly staged: TakenBytes }[]): number {
  return files.reduce((sum, { staged }) => sum + staged.sizeBytes, 0)
}

/** The forms of the content hash that can be computed in the order of one of them. */
function hashesOf(paths: readonly string[], order: 'v1' | 'v2'): Map<'v1' | 'v2', ContentHash> {
  const inOrder = inHashOrder(order, paths)
  const forms = (['v1', 'v2'] as const).filter((form) =>
    inHashOrder(form, paths).every((path, index) => path === inOrder[index]),
  )
  return new Map(forms.map((form) => [form, new ContentHash(form)]))
}
