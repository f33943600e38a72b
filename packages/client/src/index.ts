export { type ConnectOptions, connectLake } from './connect-lake.ts'
export {
  type UploadedFile,
  type UploadOptions,
  type UploadProgress,
  uploadFile,
} from './transfer/upload-file.ts'
export { decodeHeader, defaultMountSegment, encodeHeader, wireHeaders } from './wire.ts'
