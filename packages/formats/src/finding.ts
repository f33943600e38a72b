/**
 * What a source may say about itself, as one closed list: nothing is left out, cut or renamed without
 * one of these.
 */
export const findingCodes = [
  // label files
  'broken_xml',
  'label_missing',
  'label_too_large',
  'label_unreadable',
  // images and masks
  'image_missing',
  'image_empty',
  'image_unreadable',
  'image_truncated',
  'exif_orientation',
  'format_mismatch',
  'size_mismatch',
  'mask_missing_image',
  'mask_other_split',
  'mask_size_mismatch',
  'mask_unreadable',
  // boxes and their fields
  'box_clipped',
  'box_empty',
  'box_invalid',
  'box_kept_outside',
  'box_missing',
  'box_outside',
  'flag_invalid',
  'object_unnamed',
  // names and lists
  'duplicate_listing',
  'filename_mismatch',
  'hidden_file',
  'list_invalid',
  'not_imported',
  'path_outside',
  'path_too_long',
  'same_stem',
  'unlisted',
] as const

/** One of {@link findingCodes}. */
export type FindingCode = (typeof findingCodes)[number]

/** `error`: a sample is left out. `warning`: it is taken, but not as the source has it. */
export type FindingLevel = 'error' | 'warning' | 'info'

/** One thing that a reader met in a source, as plain JSON. */
export interface Finding {
  readonly level: FindingLevel
  readonly code: FindingCode
  /** The file it is about, relative to the imported folder, with `/`. */
  readonly path: string
  readonly message: string
  /** Place of the object in its label file, from 0. */
  readonly object?: number
  /** The value in the source, where it was changed or refused. */
  readonly before?: unknown
  /** The value that was taken. */
  readonly after?: unknown
}
