import { newId } from '@mindtrace/core'

const ownId = /^[\w.:-]{1,100}$/

/** The id that a proxy or client gave a request, if it is harmless in a log; else a new one. */
export function requestIdOf(given: string | readonly string[] | null | undefined): string {
  return typeof given === 'string' && ownId.test(given) ? given : newId('request')
}
