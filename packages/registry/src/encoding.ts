import { type ByteStream, MindtraceError } from '@mindtrace/core'
import { builtInMaterializer, bytesFile, bytesMaterializer, textFile } from './object-document.ts'

/** What can be stored: bytes, whole or as a stream, become Python `bytes`; text becomes `str`. */
export type Storable = Uint8Array | ByteStream | string

/** A value as the reference stores it: one file, and the names of its class and materializer. */
export interface EncodedBody {
  readonly className: string
  readonly materializer: string
  readonly file: string
  readonly bytes: Uint8Array | ByteStream
}

/** Encodes a value as the reference's materializer for its type does. @see registry.md 12.2 */
export function encodeBody(body: Storable): EncodedBody {
  if (typeof body !== 'string') {
    return {
      className: 'builtins.bytes',
      materializer: bytesMaterializer,
      file: bytesFile,
      bytes: body,
    }
  }
  return {
    className: 'builtins.str',
    materializer: builtInMaterializer,
    file: textFile,
    bytes: new TextEncoder().encode(asciiJson(body)),
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

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
