import type { IncomingMessage } from 'node:http'
import { errorCodeHeader } from '@mindtrace/contract'
import type { CorsPolicy } from './cors.ts'
import { jsonResponse } from './json-response.ts'

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** By which names a service may be addressed. */
export interface AcceptedHosts {
  /** Names of the service, and of proxies before it. */
  readonly names: readonly string[]
  /** Whether no other name may lead here: as where only this machine can reach it. */
  readonly strict: boolean
  /** Pages of these origins may send requests. */
  readonly cors: CorsPolicy
}

/**
 * Guards a service against web pages. A page can't read its answers, but it could make the browser send it requests: to
 * a name of the page's that leads here (DNS rebinding, seen by the Host header), or across origins (seen by Origin and
 * Sec-Fetch-Site, which programs don't send).
 */
export function hostCheck(hosts: AcceptedHosts): (incoming: IncomingMessage) => Response | null {
  const names = new Set(hosts.names.flatMap((name) => [name.toLowerCase(), `[${name}]`]))
  if (hosts.strict) for (const name of loopbackNames) names.add(name)
  return ({ headers, method }) => {
    const host = headers.host?.toLowerCase() ?? ''
    if (hosts.strict && !names.has(withoutPort(host))) {
      return refusal(
        `this service is not ${JSON.stringify(host.slice(0, 200))}; name it with --allowed-host if it should be`,
      )
    }
    if (method === 'GET' || method === 'HEAD') return null
    const { origin } = headers
    if (hosts.cors.allows(origin)) return null
    const foreign =
      origin === undefined
        ? headers['sec-fetch-site'] === 'cross-site'
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
