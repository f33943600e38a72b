import type { ByteStream } from '@mindtrace/core'
import { encodeBody } from '../encoding.ts'
import { bytesFile } from '../object-document.ts'
import type { Codec } from './codec.ts'
import { materializers } from './materializers.ts'

/** Python `bytes`: read as a whole, stored from bytes or a stream. */
export const bytesCodec: Codec<Uint8Array<ArrayBuffer>, Uint8Array | ByteStream> = {
  name: 'bytes',
  materializers: [materializers.bytes],
  accepts: (value) => value instanceof Uint8Array || value instanceof ReadableStream,
  encode: (value) => encodeBody(value),
  decode: (files, options) => files.bytes(files.object.files[0] ?? bytesFile, options),
}
