export type { ArchiveEntry, ArchiveLimits } from './archive-entries.ts'
export { bytesCodec } from './bytes-codec.ts'
export type { Codec, DecodeOptions, OpenedFile, OpenFileOptions, StoredFiles } from './codec.ts'
export { configCodec, StoredConfig } from './config-codec.ts'
export { type Container, containerCodec, mapCodec, tupleCodec } from './container-codec.ts'
export { modelCodec, plainModelCodec } from './model-codec.ts'
export { type DType, NdArray, type NdData } from './nd-array.ts'
export { npyCodec } from './npy-codec.ts'
export { NamedFile, pathCodec, StoredFile, StoredFolder } from './path-codec.ts'
export { PngImage, pngCodec } from './png-codec.ts'
export {
  type CodecChoice,
  codecs,
  type LoadOptions,
  load,
  type SaveOptions,
  save,
} from './saving.ts'
export { float, type Scalar, scalarCodec } from './scalar-codec.ts'
export { filesOf, openFiles } from './stored-files.ts'
