import { MindtraceError } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import type { ObjectDocument } from '../../object-document.ts'
import { encodeName, formatId, type ObjectId } from '../layout.ts'

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The key of an object's document. */
export function documentKey({ name, version }: ObjectId): string {
  return `_meta_${encodeName(name)}@${version}.json`
}

/** The folder of one write of an object, with the slash at its end. */
export function payloadFolder({ name, version }: ObjectId, uuid: string): string {
  return `objects/${name}/${version}/${uuid}/`
}

/** @throws `CORRUPT` for a document that does not say which write it is of. */
export function uuidOf(id: ObjectId, document: ObjectDocument): string {
  const uuid = document._storage?.uuid
  if (uuid !== undefined) return uuid
  throw new MindtraceError(
    'CORRUPT',
    `the document of '${formatId(id)}' does not say where its files lie; delete the object`,
    { details: { ...id } },
  )
}

/**
 * The folder of an object's plans, without the slash at its end. The place of a plan means nothing, its text
 * does, so a name too long for a segment may have another one.
 */
export function planFolder({ name, version }: ObjectId): string {
  const folder = escaped(name)
  const hash = () => sha256Hex(new TextEncoder().encode(name))
  return `${folder.length > 255 ? `sha256-${hash()}` : folder}/${escaped(version)}`
}

/** A write in whose folder a key may lie. */
export interface PayloadOwner {
  readonly id: ObjectId
  readonly uuid: string
  readonly folder: string
}

/** The writes in whose folder a key lies; more than one where a name holds such segments itself. */
export function possibleOwners(key: string): PayloadOwner[] {
  const segments = key.split('/')
  return segments.flatMap((uuid, index) => {
    const version = segments[index - 1] ?? ''
    if (index < 3 || index === segments.length - 1 || !uuidPattern.test(uuid)) return []
    const id = { name: segments.slice(1, index - 1).join('/'), version }
    return [{ id, uuid, folder: segments.slice(0, index + 1).join('/') }]
  })
}

// @see registry.md 6: only these stay as they are.
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
