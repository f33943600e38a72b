import { type CallOptions, type Instant, MindtraceError } from '@mindtrace/core'
import { type PayloadSource, uncached } from '../cache/payload-source.ts'
import type { Mount } from '../mount.ts'
import { bytesMaterializer, type ObjectDocument } from '../object-document.ts'
import { firstVersion } from '../version.ts'
import type {
  Garbage,
  Layout,
  ObjectId,
  OpenedFile,
  OpenFileOptions,
  PayloadFile,
  ReadDocument,
} from './layout.ts'

/**
 * No layout: whatever lies in the mount is an object under its own key, with one version and no document.
 * It can be read only, so that a lake may refer to files where they are and never changes them.
 */
export class PlainLayout implements Layout {
  readonly #mount: Mount
  readonly #payloads: PayloadSource
  readonly #version: string

  /** @param payloads - where payloads of the mount are read from. Default: the mount itself. */
  constructor(mount: Mount, versionDigits: number, payloads: PayloadSource = uncached(mount)) {
    this.#mount = mount
    this.#payloads = payloads
    this.#version = firstVersion(versionDigits)
  }

  async versions(name: string, options: CallOptions = {}): Promise<string[]> {
    return (await this.#mount.head(name, options)) === undefined ? [] : [this.#version]
  }

  async latest(name: string, options: CallOptions = {}): Promise<string | undefined> {
    return (await this.versions(name, options))[0]
  }

  async *objects(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectId> {
    for await (const { key } of this.#mount.list(prefix, options)) {
      yield { name: key, version: this.#version }
    }
  }

  async writtenAt(id: ObjectId, options: CallOptions = {}): Promise<Instant | undefined> {
    return (await this.#mount.head(id.name, options))?.modifiedAt
  }

  async read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    const found = await this.#mount.head(id.name, options)
    return found && { document: documentOf(id, found.sizeBytes), etag: found.etag }
  }

  async open(
    id: ObjectId,
    fileOf: (document: ObjectDocument) => string,
    options: OpenFileOptions = {},
  ): Promise<OpenedFile | undefined> {
    const found = await this.read(id, { signal: options.signal })
    if (found === undefined) return undefined
    fileOf(found.document)
    const payload = await this.#payloads.read(id.name, { ...options, etag: found.etag })
    return { document: documentOf(id, payload.sizeBytes), payload }
  }

  payloadKey({ name }: ObjectId): string {
    return name
  }

  async files(id: ObjectId, document: ObjectDocument): Promise<PayloadFile[]> {
    return [{ path: fileOf(id), sizeBytes: document.size_bytes ?? 0 }]
  }

  async stage(): Promise<never> {
    throw this.#readOnly()
  }

  async adopt(): Promise<never> {
    throw this.#readOnly()
  }

  async bring(): Promise<never> {
    throw this.#readOnly()
  }

  async save(): Promise<never> {
    throw this.#readOnly()
  }

  async delete(): Promise<never> {
    throw this.#readOnly()
  }

  async *collectGarbage(): AsyncGenerator<Garbage> {}

  #readOnly(): MindtraceError {
    return new MindtraceError(
      'READ_ONLY',
      `the files in '${this.#mount.location}' are used where they are and never changed; choose another mount`,
    )
  }
}

function documentOf(id: ObjectId, sizeBytes: number): ObjectDocument {
  return {
    class: 'builtins.bytes',
    materializer: bytesMaterializer,
    init_params: {},
    metadata: {},
    _files: [fileOf(id)],
    size_bytes: sizeBytes,
  }
}

function fileOf({ name }: ObjectId): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
