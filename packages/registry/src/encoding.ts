import { type ByteStream, MindtraceError } from '@mindtrace/core'
import { builtInMaterializer, bytesFile, bytesMaterializer, textFile } from './object-document.ts'
import { printPythonJson } from './python-json.ts'

/** What can be stored: bytes, whole or as a stream, become Python `bytes`; text becomes `str`. */
export type Storable = Uint8Array | ByteStream | string

/** One file of an {@link Artifact}. */
export interface ArtifactFile {
  /** With `/` between segments. */
  readonly path: string
  readonly body: Uint8Array | ByteStream
}

/** A value as the reference stores it: files, and the names of its class and materializer. */
export interface Artifact {
  /** Python class of the value. */
  readonly className: string
  /** Python class that reads it. */
  readonly materializer: string
  readonly initParams?: Readonly<Record<string, unknown>> | undefined
  /** At least one. */
  readonly files: readonly ArtifactFile[]
}

/** Whether a body has been encoded already. */
export function isArtifact<T extends { readonly materializer: string }>(
  body: Storable | T,
): body is T {
  return typeof body === 'object' && 'materializer' in body
}

/** Encodes a value as the reference's materializer for its type does. @see registry.md 12.2 */
export function encodeBody(body: Storable): Artifact {
  if (typeof body !== 'string') {
    return {
      className: 'builtins.bytes',
      materializer: bytesMaterializer,
      files: [{ path: bytesFile, body }],
    }
  }
  return {
    className: 'builtins.str',
    materializer: builtInMaterializer,
    files: [{ path: textFile, body: new TextEncoder().encode(printPythonJson(body)) }],
  }
}

/**
 * The text of a stored `str`.
 *
 * @throws {@link MindtraceError} `CORRUPT` when the bytes are no JSON string.
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    const text: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof text === 'string') return text
  } catch (cause) {
    throw new MindtraceError('CORRUPT', `'${name}' holds no JSON string`, { cause })
  }
  throw new MindtraceError('CORRUPT', `'${name}' holds no JSON string`)
}
