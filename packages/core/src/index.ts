export { Batches, type BatchOptions } from './batches.ts'
export { type Clock, systemClock } from './clock.ts'
export {
  abortable,
  type CallOptions,
  inGroups,
  KeyedMutex,
  Mutex,
  mapBounded,
} from './concurrency.ts'
export {
  type ErrorCode,
  type ErrorContext,
  errorCodes,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  systemErrorCode,
} from './errors.ts'
export { newId, newToken } from './ids.ts'
export { type Instant, parseInstant, toInstant } from './instant.ts'
export {
  ChunkRelay,
  endOf,
  LentChunks,
  type LentChunksOptions,
  lentChunksOf,
  streamOfLent,
} from './lent-chunks.ts'
export { type Logger, silentLogger } from './logger.ts'
export { ReadableChunks } from './readable-chunks.ts'
export {
  type ByteStream,
  type Bytes,
  bytesOf,
  checkedStream,
  chunksOf,
  dropBody,
  type StreamCheck,
  streamOf,
} from './streams.ts'
export { inSpan, type Span, type SpanAttributes, type Tracer } from './tracer.ts'
