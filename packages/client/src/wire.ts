import { MindtraceError } from '@mindtrace/core'

/**
 * Headers by which our service tells what bodies of the Python service's shape have no room for. Each
 * holds percent-encoded JSON.
 */
export const wireHeaders = {
  /** `details` of an error. */
  errorDetails: 'mindtrace-error-details',
  /** Where a payload lies: mount, name and version. */
  storageRef: 'mindtrace-storage-ref',
  /** Metadata of an object that is being written. */
  objectMetadata: 'mindtrace-object-metadata',
} as const

/** Stands for the default mount in the path of an object. */
export const defaultMountSegment = '-'

/** The path of an object's bytes: every segment of its name percent-encoded, slashes kept. */
export function objectPath(mount: string | null, name: string): string {
  const segments = [mount ?? defaultMountSegment, ...name.split('/')]
  return `/v1/objects/${segments.map(encodeSegment).join('/')}`
}

/**
 * One segment of a path, percent-encoded.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for `.` and `..`: URL parsers resolve them, however
 * they are encoded, so they would lead somewhere else.
 */
export function encodeSegment(segment: string): string {
  if (segment === '.' || segment === '..') {
    throw new MindtraceError('INVALID_INPUT', `${segment} can't be part of a name`)
  }
  return encodeURIComponent(segment)
}

/** A header's value for anything that is JSON. */
export function encodeHeader(value: unknown): string {
  return encodeURIComponent(JSON.stringify(value))
}

/** The value of such a header; undefined when it is absent or not ours. */
export function decodeHeader(text: string | null): unknown {
  if (text === null) return undefined
  try {
    return JSON.parse(decodeURIComponent(text))
  } catch {
    return undefined
  }
}
