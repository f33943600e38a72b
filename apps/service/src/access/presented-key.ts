/** What a request says it is opened by: nothing, one text, or something that makes no sense. */
export type Presented =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly text: string }
  | { readonly kind: 'malformed' }

const none: Presented = { kind: 'none' }
const malformed: Presented = { kind: 'malformed' }

/**
 * The key of a request: `Authorization: Bearer`, `X-API-Key`, or `Authorization: Basic` with the key as user or as
 * password, as clients send it whose address holds one. Two that differ are none.
 */
export function presentedKey(headers: Headers): Presented {
  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')
  const first = authorization === null ? undefined : authorizationKey(authorization)
  if (authorization !== null && first === undefined) return malformed
  if (apiKey === null) return first === undefined ? none : { kind: 'key', text: first }
  const second = apiKey.trim()
  if (first !== undefined && first !== second) return malformed
  return { kind: 'key', text: second }
}

function authorizationKey(header: string): string | undefined {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return value
    case 'basic': {
      const text = Buffer.from(value, 'base64').toString('latin1')
      const colon = text.indexOf(':')
      const user = colon < 0 ? text : text.slice(0, colon)
      const password = colon < 0 ? '' : text.slice(colon + 1)
      return user.startsWith('mtk_') || password === '' ? user : password
    }
    default:
      return undefined
  }
}
