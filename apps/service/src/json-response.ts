/** Headers of every JSON answer. */
export const jsonHeaders = {
  'content-type': 'application/json',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const

/** A JSON answer with the headers that all of them have. */
export function jsonResponse(
  value: unknown,
  status = 200,
  more?: Readonly<Record<string, string>>,
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: more === undefined ? { ...jsonHeaders } : { ...jsonHeaders, ...more },
  })
}
