import { errorCodeHeader } from '@mindtrace/contract'
import { jsonResponse } from './json-response.ts'

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** By which names a service may be addressed. */
export interface AcceptedHosts {
  /** Names of the service, and of proxies before it. */
  readonly names: readonly string[]
  /** Whether only this machine can reach it: then no other name may lead here. */
  readonly loopback: boolean
}

/**
 * Guards a service that asks for no key against web pages. A page can't read its answers, but it could
 * make the browser send it requests: to a name of the page's that leads here (DNS rebinding, seen by
 * the Host header), or across origins (seen by Origin and Sec-Fetch-Site, which programs don't send).
 */
export function hostCheck(hosts: AcceptedHosts): (request: Request) => Response | null {
  const names = new Set(hosts.names.flatMap((name) => [name.toLowerCase(), `[${name}]`]))
  if (hosts.loopback) for (const name of loopbackNames) names.add(name)
  return (request) => {
    const host = request.headers.get('host')?.toLowerCase() ?? ''
    if (hosts.loopback && !names.has(withoutPort(host))) {
      return refusal(`this service is not ${JSON.stringify(host)}`)
    }
    const { method } = request
    if (method === 'GET' || method === 'HEAD') return null
    const origin = request.headers.get('origin')
    const foreign =
      origin === null
        ? request.headers.get('sec-fetch-site') === 'cross-site'
        : isForeign(origin, host, names)
    return foreign ? refusal('pages of other origins may not send requests here') : null
  }
}

function isForeign(origin: string, host: string, names: ReadonlySet<string>): boolean {
  if (!URL.canParse(origin)) return true
  const url = new URL(origin)
  return url.host !== host && !names.has(url.hostname)
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '')
}

function refusal(detail: string): Response {
  return jsonResponse({ detail }, 403, { [errorCodeHeader]: 'FORBIDDEN' })
}
