import { type ByteStream, MindtraceError } from '@mindtrace/core'
import type { Artifact } from '../encoding.ts'
import { bytesFile } from '../object-document.ts'
import type { StoredObject } from '../registry.ts'
import type { StoredFiles } from './codec.ts'
import { materializers } from './materializers.ts'
import { NamedFile, pathCodec } from './path-codec.ts'
import { formatObject } from './stored-files.ts'

/**
 * Python has no class for tables that the reference stores. They are files (`Path`), so that Python loads
 * one path and hands it to pyarrow or pandas. Tables that were uploaded directly are `bytes`.
 */
export const tableMaterializers: readonly string[] = [materializers.path, materializers.bytes]

/** A table as a file of that name. */
export async function tableArtifact(name: string, body: ByteStream): Promise<Artifact> {
  return pathCodec.encode(new NamedFile(name, body))
}

/** Whether the object is a file with one of the endings, or bytes noted to have the media type. */
export function isTable(
  object: StoredObject,
  endings: readonly string[],
  contentType: string,
): boolean {
  return (
    object.contentType === contentType ||
    object.files.some((file) => endings.some((ending) => file.endsWith(ending)))
  )
}

/** The path of the file that holds the table. @throws {@link MindtraceError} `INVALID_INPUT` for a folder. */
export function tableFile({ object }: StoredFiles): string {
  if (object.materializer === materializers.bytes) return object.files[0] ?? bytesFile
  const file = object.files.find((path) => path !== 'metadata.json')
  if (file !== undefined && file !== 'data.tar.gz') return file
  throw new MindtraceError('INVALID_INPUT', `'${formatObject(object)}' is a folder, no table`)
}
