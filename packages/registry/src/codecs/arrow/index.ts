export { ArrowBatches, arrowCodec } from './arrow-codec.ts'
