import { join } from 'node:path'
import { errorMessage } from '@mindtrace/core'
import { readSmallFile } from '../images/payload-file.ts'
import { isAboutOneFile, Refusal } from '../refusal.ts'
import { type LabelFile, labelLimitBytes, parseLabelFile } from './label-file.ts'

/**
 * Reads and parses a label file.
 *
 * @param path - relative to `root`.
 * @throws {@link Refusal} with the reason why it can't be taken.
 */
export async function loadLabelFile(root: string, path: string): Promise<LabelFile> {
  let bytes: Uint8Array | null
  try {
    bytes = await readSmallFile(join(root, path), labelLimitBytes)
  } catch (error) {
    if (!isAboutOneFile(error)) throw error
    throw new Refusal('label_unreadable', path, errorMessage(error))
  }
  if (bytes === null) {
    throw new Refusal(
      'label_too_large',
      path,
      `label files may have up to ${labelLimitBytes} bytes`,
    )
  }
  try {
    return parseLabelFile(bytes)
  } catch (error) {
    throw new Refusal('broken_xml', path, errorMessage(error))
  }
}
