import type { Artifact } from '../encoding.ts'
import { textFile } from '../object-document.ts'
import { type ParsePythonJsonOptions, parsePythonJson, printPythonJson } from '../python-json.ts'
import type { DecodeOptions, StoredFiles } from './codec.ts'
import { noValue } from './stored-files.ts'

/** An artifact of one JSON file, as Python prints it. */
export function jsonArtifact(
  value: unknown,
  names: Pick<Artifact, 'className' | 'materializer'>,
): Artifact {
  const body = new TextEncoder().encode(printPythonJson(value))
  return { ...names, files: [{ path: textFile, body }] }
}

/** Reads a JSON file of an object. @throws {@link MindtraceError} `CORRUPT` when it is none. */
export async function readJson(
  files: StoredFiles,
  path: string,
  options: DecodeOptions & ParsePythonJsonOptions = {},
): Promise<unknown> {
  const { maps, ...rest } = options
  const bytes = await files.bytes(path, rest)
  try {
    return parsePythonJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { maps })
  } catch (cause) {
    throw noValue(files.object, `JSON in '${path}'`, cause)
  }
}
