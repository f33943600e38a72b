export { imageCodec } from './image-codec.ts'
export { type Pixels, type ReadPixelsOptions, readPixels, writePng } from './pixels.ts'
