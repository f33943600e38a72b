import { join } from 'node:path'
import type { CallOptions } from '@mindtrace/core'
import { readSmallFile } from '../images/payload-file.ts'
import { readAhead } from '../read-ahead.ts'
import { labelLimitBytes, parseLabelFile } from './label-file.ts'
import { vocClassId } from './voc-classes.ts'

/**
 * Whether every object of every label file has one of VOC's 20 classes. Ends at the first other class:
 * for most sets that is the first file. Files that can't be read have no say, for they give no labels.
 */
export async function hasOnlyVocClasses(
  root: string,
  labels: readonly string[],
  options: CallOptions = {},
): Promise<boolean> {
  const isVoc = async (label: string) => {
    const bytes = await readSmallFile(join(root, label), labelLimitBytes).catch(() => null)
    return bytes === null || namesLookVoc(bytes) || objectsAreVoc(bytes)
  }
  let seen = 0
  for await (const hasOnlyVoc of readAhead(labels, 8, isVoc, options)) {
    if (!hasOnlyVoc) return false
    seen += 1
  }
  return seen > 0
}

/** A look at the text, ten times as fast as parsing: true is certain, false is a reason to parse. */
function namesLookVoc(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (text.includes('<!') || text.includes('<part')) return false
  const objects = text.split('<object').length - 1
  const names = text.match(/<name>[^<]*/g) ?? []
  return (
    names.length === objects &&
    names.every((name) => vocClassId(name.slice('<name>'.length).trim()) !== null)
  )
}

function objectsAreVoc(bytes: Uint8Array): boolean {
  try {
    return parseLabelFile(bytes).objects.every(
      ({ name }) => name === '' || vocClassId(name) !== null,
    )
  } catch {
    return true
  }
}
