import { MindtraceError } from '@mindtrace/core'

/**
 * The address of a database on a MongoDB server. A database that the server's address names itself is where its user is
 * known, so that stays said.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for what is no address, never quoting it: it may hold a password.
 */
export function databaseAddress(uri: string, name: string): string {
  const match = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(uri)
  if (match === null) {
    throw new MindtraceError('INVALID_INPUT', '--mongo-db-uri is no address: write mongodb://HOST')
  }
  const [, server, known = '', query = ''] = match
  const options = query.split('&').filter((option) => option !== '')
  const hasSource = options.some((option) => /^authsource=/i.test(option))
  if (known !== '' && !hasSource) options.push(`authSource=${known}`)
  const rest = options.length === 0 ? '' : `?${options.join('&')}`
  return `${server}/${encodeURIComponent(name)}${rest}`
}
