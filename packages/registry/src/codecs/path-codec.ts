import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import {
  type ByteStream,
  type CallOptions,
  chunksOf,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'
import { fileStream } from '@mindtrace/core/files'
import * as z from 'zod'
import type { Artifact } from '../encoding.ts'
import { parsePythonJson, printPythonJson } from '../python-json.ts'
import { type ArchiveEntry, type ArchiveLimits, archiveEntries } from './archive-entries.ts'
import type { Codec, OpenedFile, OpenFileOptions, StoredFiles } from './codec.ts'
import { extractArchive } from './extract-archive.ts'
import { archiveFolder } from './folder-archive.ts'
import { materializers } from './materializers.ts'
import { noValue } from './stored-files.ts'

const descriptorFile = 'metadata.json'
const archiveFile = 'data.tar.gz'
const className = 'pathlib.PosixPath'

const Descriptor = z.looseObject({ name: z.string(), is_dir: z.boolean() })

/** Bytes that are to be stored as a file of that name: what Python reads as a `Path`. */
export class NamedFile {
  readonly name: string
  readonly body: Uint8Array | ByteStream

  constructor(name: string, body: Uint8Array | ByteStream) {
    this.name = name
    this.body = body
  }
}

/** A stored file: a Python `Path` to one. */
export class StoredFile {
  /** Without a folder. */
  readonly name: string
  readonly #open: (options: OpenFileOptions) => Promise<OpenedFile>

  /** @internal */
  constructor(name: string, open: (options: OpenFileOptions) => Promise<OpenedFile>) {
    this.name = name
    this.#open = open
  }

  /** The bytes, or a range of them. The body must be read to its end or cancelled. */
  async open(options: Omit<OpenFileOptions, 'beside'> = {}): Promise<OpenedFile> {
    return this.#open(options)
  }

  /**
   * Copies the file into a folder, under its name; it appears there complete or not at all, in place of
   * what had the name. Returns its path.
   *
   * @throws {@link MindtraceError} `INVALID_INPUT` when its name is none that a file can have.
   */
  async copyTo(folder: string, options: CallOptions = {}): Promise<string> {
    const name = fileName(this.name)
    await mkdir(folder, { recursive: true })
    const scratch = await mkdtemp(join(folder, '.partial-'))
    try {
      const { body } = await this.open(options)
      const partial = join(scratch, name)
      await pipeline(
        Readable.from(chunksOf(body, options), { objectMode: false }),
        createWriteStream(partial, { flags: 'wx' }),
      )
      await rename(partial, join(folder, name))
      return join(folder, name)
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

/** A stored folder: a Python `Path` to one. */
export class StoredFolder {
  readonly name: string
  readonly #open: (options: CallOptions) => Promise<OpenedFile>

  /** @internal */
  constructor(name: string, open: (options: CallOptions) => Promise<OpenedFile>) {
    this.name = name
    this.#open = open
  }

  /** The folder as it is stored: a gzipped tar. The body must be read to its end or cancelled. */
  async archive(options: CallOptions = {}): Promise<OpenedFile> {
    return this.#open(options)
  }

  /** What the folder holds, in one pass over the archive. @throws what {@link StoredFolder.extractTo} throws. */
  async *entries(options: CallOptions & ArchiveLimits = {}): AsyncIterable<ArchiveEntry> {
    const { body } = await this.#open(options)
    yield* archiveEntries(body, options)
  }

  /**
   * Extracts the folder to `target`, which must not exist yet or be an empty folder. It appears there
   * complete and verified, or not at all. Modes and times are kept, owners are not.
   *
   * @throws {@link MindtraceError} `CORRUPT`; `INVALID_INPUT` for entries or links that leave the folder
   * and for devices; `TOO_LARGE` past the limits; `CONFLICT` when `target` holds something.
   */
  async extractTo(target: string, options: CallOptions & ArchiveLimits = {}): Promise<void> {
    const { body } = await this.#open(options)
    await extractArchive(body, target, options)
  }
}

/**
 * Python `Path`: a file or folder on this machine, given as `file:` URL ({@link pathToFileURL} of Node makes
 * one), or a {@link NamedFile}. Stored and read as streams; what is read is a {@link StoredFile} or
 * {@link StoredFolder}.
 */
export const pathCodec: Codec<StoredFile | StoredFolder, URL | NamedFile> = {
  name: 'file or folder',
  materializers: [materializers.path],
  accepts: (value) => value instanceof URL || value instanceof NamedFile,
  async encode(value, options) {
    if (value instanceof NamedFile) return fileArtifact(value)
    if (value.protocol !== 'file:') {
      throw new MindtraceError(
        'INVALID_INPUT',
        `'${value.protocol}//…' is no file of this machine; store its bytes as a NamedFile`,
      )
    }
    return localArtifact(resolve(fileURLToPath(value)), options)
  },
  async decode(files, options) {
    const bytes = await files.bytes(descriptorFile, options)
    const { name, is_dir: isFolder } = readDescriptor(files, bytes)
    const beside = new Map([[descriptorFile, bytes]])
    const { files: paths } = files.object
    const content = isFolder ? archiveFile : paths.find((path) => path !== descriptorFile)
    if (content === undefined || !paths.includes(content))
      throw noValue(files.object, `file '${name}'`)
    if (isFolder) {
      return new StoredFolder(name, (call) => files.open(archiveFile, { ...call, beside }))
    }
    return new StoredFile(content, (call) => files.open(content, { ...call, beside }))
  },
}

async function localArtifact(path: string, options: CallOptions = {}): Promise<Artifact> {
  const stats = await stat(path).catch((cause) => {
    const code = systemErrorCode(cause) === 'ENOENT' ? 'NOT_FOUND' : 'FORBIDDEN'
    throw new MindtraceError(code, `'${path}' cannot be read`, { cause, details: { path } })
  })
  if (stats.isFile()) {
    return fileArtifact(new NamedFile(basename(path), fileStream(path)))
  }
  if (stats.isDirectory()) {
    const body = archiveFolder(path, options)
    return pathArtifact({ name: basename(path), is_dir: true }, { path: archiveFile, body })
  }
  throw new MindtraceError('INVALID_INPUT', `'${path}' is neither a file nor a folder`)
}

function fileArtifact({ name, body }: NamedFile): Artifact {
  if (fileName(name) === descriptorFile) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `a file called '${descriptorFile}' cannot be stored: that is where its description lies; rename it, or store its folder`,
      { details: { name } },
    )
  }
  return pathArtifact({ name, is_dir: false }, { path: name, body })
}

function pathArtifact(
  descriptor: z.infer<typeof Descriptor>,
  content: Artifact['files'][number],
): Artifact {
  const body = new TextEncoder().encode(printPythonJson(descriptor))
  const files = [{ path: descriptorFile, body }, content]
  return { className, materializer: materializers.path, files }
}

function readDescriptor(files: StoredFiles, bytes: Uint8Array): z.infer<typeof Descriptor> {
  try {
    return Descriptor.parse(parsePythonJson(new TextDecoder().decode(bytes)))
  } catch (cause) {
    const [only, ...others] = files.object.files
    const isLost = only === descriptorFile && others.length === 0
    const what = isLost
      ? `description of a file: Python stored a file called '${descriptorFile}' over it, which is what lies there`
      : 'description of a file or folder'
    throw noValue(files.object, what, cause)
  }
}

/** @throws {@link MindtraceError} `INVALID_INPUT` for a name that is not one segment of a path. */
function fileName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)) return name
  throw new MindtraceError('INVALID_INPUT', `'${name}' is no name of a file`, { details: { name } })
}
