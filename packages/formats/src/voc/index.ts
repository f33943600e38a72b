export { type LabelFile, type LabelObject, parseLabelFile } from './label-file.ts'
export {
  type Box,
  type BoxConvention,
  type ClippedBox,
  type Corners,
  clipBox,
  type ImageSize,
  toBox,
  toCorners,
} from './voc-box.ts'
export { vocClasses } from './voc-classes.ts'
export type { VocSplit } from './voc-plan.ts'
export { openVoc, type VocOptions } from './voc-source.ts'
