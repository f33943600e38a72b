import { errorCodeHeader } from '@mindtrace/contract'

/** Which pages of other origins may use the service, and how they are told. */
export class CorsPolicy {
  readonly #origins: ReadonlySet<string>

  /** `origins` as browsers write them: `https://label.example`. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))
  }

  allows(origin: string | undefined): boolean {
    return origin !== undefined && this.#origins.has(origin.toLowerCase())
  }

  /** The headers by which a browser lets the page see an answer. */
  headers(origin: string): Record<string, string> {
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': `${errorCodeHeader}, mindtrace-error-details, mindtrace-storage-ref, mcp-session-id, x-request-id, retry-after, content-range, etag, location, tus-checksum-algorithm, tus-extension, tus-max-size, tus-resumable, tus-version, upload-expires, upload-length, upload-metadata, upload-offset`,
      vary: 'origin',
    }
  }

  /** The answer to the question that a browser asks before a request. */
  preflight(origin: string): Response {
    return new Response(null, {
      status: 204,
      headers: {
        ...this.headers(origin),
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers':
          'authorization, content-type, if-none-match, if-range, mcp-protocol-version, mcp-session-id, mindtrace-object-metadata, range, tus-resumable, upload-checksum, upload-length, upload-metadata, upload-offset, x-api-key, x-http-method-override, x-request-id',
        'access-control-max-age': '600',
      },
    })
  }
}
