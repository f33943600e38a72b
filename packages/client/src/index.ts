export { type ConnectOptions, connectLake } from './connect-lake.ts'
export { decodeHeader, defaultMountSegment, encodeHeader, wireHeaders } from './wire.ts'
