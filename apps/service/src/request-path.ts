import { MindtraceError } from '@mindtrace/core'

/**
 * The segments of a request's path, each percent-decoded exactly once. The router's own parameters
 * won't do: it decodes the path before it matches, so an encoded percent sign would be decoded twice.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for a broken escape.
 */
export function pathSegments(url: string): string[] {
  const path = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? ''
  return path.split('/').slice(1).map(decodeSegment)
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `the path has a broken escape: ${segment}`, { cause })
  }
}

/** A path as logs may hold it: signed addresses and those of uploads are keys, and stay out. */
export function loggedPath(path: string): string {
  // Asked of every request, so that most cost next to nothing.
  return path[2] === '1' ? path.replace(/^(\/v1\/(?:downloads|tus)\/).+/i, '$1…') : path
}
