import type { Hono } from 'hono'
import { jsonResponse } from './json-response.ts'

/** Answers 405, and which methods there are, at every path that answers something. To be added after all of it. */
export function addMethodNotAllowed(app: Hono): void {
  const allowed = new Map<string, Set<string>>()
  for (const { path, method } of app.routes) {
    if (method === 'ALL' || path.includes('*')) continue
    const methods = allowed.get(path) ?? new Set()
    allowed.set(path, methods.add(method))
    if (method === 'GET') methods.add('HEAD')
  }
  for (const [path, methods] of allowed) {
    const allow = [...methods].sort().join(', ')
    app.all(path, () => jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow }))
  }
}
