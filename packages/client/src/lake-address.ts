import { MindtraceError } from '@mindtrace/core'

/** Where a service listens, and the key that its address carried. */
export interface LakeAddress {
  /** The URL without its user part and without a slash at its end. */
  readonly url: string
  readonly apiKey: string | undefined
}

/**
 * Takes `http://host:8080`, `https://key@host/prefix` apart. The key leaves the URL here, so that it
 * stands in no message and no log.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for anything but an HTTP address.
 */
export function parseLakeAddress(address: string): LakeAddress {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `${withoutUser(address)} is no address of a service; it should look like http://host:8080`,
    )
  }
  if (url.search !== '' || url.hash !== '') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `the address ${url.origin}${url.pathname} of a service takes no query and no fragment`,
    )
  }
  // As user or as password, however somebody is used to write it.
  const isUser = url.password === '' || url.username.startsWith('mtk_')
  const key = decodeURIComponent(isUser ? url.username : url.password)
  const apiKey = key === '' ? undefined : key
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, apiKey }
}

function withoutUser(address: string): string {
  return JSON.stringify(address.replace(/\/\/[^/@]*@/, '//'))
}
