import { extname, join } from 'node:path'
import type { IngestAsset } from '@mindtrace/contract'
import { errorMessage, systemErrorCode } from '@mindtrace/core'
import type { Finding } from '../finding.ts'
import { isAboutOneFile, Refusal } from '../refusal.ts'
import { type ImageHeader, imageExtensions, isCutShort, readImageHeader } from './image-header.ts'
import { type PayloadFile, readPayloadFile } from './payload-file.ts'

/** An image file that can be taken. */
export interface CheckedImage {
  readonly file: PayloadFile
  readonly header: ImageHeader
}

/**
 * Reads an image file and checks that it is a whole image of a known format.
 *
 * @param path - relative to `root`.
 * @throws {@link Refusal} with the reason why it can't be taken.
 */
export async function readCheckedImage(
  path: string,
  root: string,
  findings: Finding[],
): Promise<CheckedImage> {
  let file: PayloadFile
  try {
    file = await readPayloadFile(join(root, path))
  } catch (error) {
    if (!isAboutOneFile(error)) throw error
    const isGone = systemErrorCode(error) === 'ENOENT'
    throw new Refusal(isGone ? 'image_missing' : 'image_unreadable', path, errorMessage(error))
  }
  if (file.sizeBytes === 0) throw new Refusal('image_empty', path, 'the file has no bytes')
  const header = readImageHeader(file.head)
  if (header === null) {
    throw new Refusal(
      'image_unreadable',
      path,
      'the file does not begin as a JPEG, PNG, WebP, BMP, TIFF or GIF image does',
    )
  }
  if (isCutShort(header.format, file.tail, file)) {
    throw new Refusal(
      'image_truncated',
      path,
      `the ${header.format} image ends before its end marker`,
    )
  }
  if (imageExtensions.get(extname(path).toLowerCase()) !== header.format) {
    findings.push({
      level: 'info',
      code: 'format_mismatch',
      path,
      message: `the file is called ${extname(path)} but is a ${header.format} image`,
    })
  }
  return { file, header }
}

/** The asset that an image file becomes. */
export function assetOf(
  kind: IngestAsset['kind'],
  { file, header }: CheckedImage,
  metadata: Record<string, unknown>,
): IngestAsset {
  return {
    kind,
    media_type: header.mediaType,
    size_bytes: file.sizeBytes,
    // The lake hashes what it is given; the client does before it sends.
    sha256: null,
    metadata: { ...metadata, width: header.width, height: header.height },
  }
}
