import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { errorMessage, MindtraceError } from '@mindtrace/core'
import { unpackTar } from 'modern-tar/fs'
import { findVocFolder } from './voc-files.ts'

const attempts = 2

/**
 * Fetches the archive into the root, unless it is there, and unpacks it: nothing in it can lead out of the root. An archive
 * that can't be unpacked is fetched once more.
 *
 * @returns the folder `VOC2012`.
 * @throws {@link MindtraceError} `UNAVAILABLE` after the second failure.
 */
export async function fetchArchive(
  root: string,
  url: string,
  options: {
    readonly signal: AbortSignal
    readonly onProgress: (doneBytes: number, totalBytes: number) => void
  },
): Promise<string> {
  if (!URL.canParse(url)) {
    throw new MindtraceError('INVALID_INPUT', `--source-url '${url}' is no address`)
  }
  const archive = join(root, basename(new URL(url).pathname) || 'archive.tar')
  await mkdir(root, { recursive: true })
  let failure: unknown
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    options.signal.throwIfAborted()
    try {
      if ((await stat(archive).catch(() => undefined)) === undefined) {
        await fetchFile(url, archive, options)
      }
      await pipeline(createReadStream(archive), unpackTar(root), { signal: options.signal })
      const folder = await findVocFolder(root)
      if (folder !== undefined) return folder
      throw new Error('it holds no VOC2012')
    } catch (error) {
      options.signal.throwIfAborted()
      failure = error
      await rm(archive, { force: true })
    }
  }
  throw new MindtraceError(
    'UNAVAILABLE',
    `${url} could not be fetched and unpacked in ${attempts} attempts: ${errorMessage(failure)}`,
    { cause: failure },
  )
}

/** Under its name only when it is whole. */
async function fetchFile(
  url: string,
  path: string,
  { signal, onProgress }: Parameters<typeof fetchArchive>[2],
): Promise<void> {
  const answer = await fetch(url, { signal })
  if (!answer.ok || answer.body === null) throw new Error(`it answers ${answer.status}`)
  const total = Number(answer.headers.get('content-length') ?? 0)
  let done = 0
  const part = `${path}.part`
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      done += chunk.byteLength
      onProgress(done, Math.max(total, done))
      yield chunk
    }
  }
  await pipeline(Readable.fromWeb(answer.body), counted, createWriteStream(part), { signal })
  if (total > 0 && done !== total) throw new Error(`${done} of ${total} bytes came`)
  await rename(part, path)
}
