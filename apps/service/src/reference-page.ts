import { join } from 'node:path'
import type { Hono } from 'hono'
import { fileResponse } from './explorer-files.ts'
import { jsonResponse } from './json-response.ts'
import { packageFolder } from './version.ts'

/** Swagger UI as it is, put beside the built code; the page itself is ours. */
const folder = () => join(packageFolder(), 'dist', 'reference-page')

const files = ['swagger-ui.css', 'swagger-ui-bundle.js'] as const

/** Nothing from elsewhere, no script and no style that is not one of the files. Icons of the style are data. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
} as const

/**
 * `GET /docs`: everything that the service answers, to read and to try. Its files are part of this package. A key that is
 * entered stays in the page and goes nowhere but to this service.
 */
export function addReferencePage(app: Hono): void {
  app.get('/docs', () => answer('text/html; charset=utf-8', page))
  app.get('/docs/page.css', () => answer('text/css; charset=utf-8', style))
  app.get('/docs/page.js', () => answer('text/javascript; charset=utf-8', script))
  for (const name of files) {
    app.get(`/docs/${name}`, async ({ req }) => {
      const response = await fileResponse(join(folder(), name), req.raw)
      return response ?? jsonResponse({ detail: 'Build this package: the file is not there.' }, 404)
    })
  }
  app.get('/redoc', () => new Response(null, { status: 308, headers: { location: '/docs' } }))
}

function answer(type: string, body: string): Response {
  return new Response(body, { headers: { ...headers, 'content-type': type } })
}

const page = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Mindtrace: reference</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <link rel="stylesheet" href="/docs/page.css">
  <header><a href="/">Mindtrace</a></header>
  <main id="reference"><noscript>This page needs JavaScript. The document is at <a href="/openapi.json">/openapi.json</a>.</noscript></main>
  <script src="/docs/swagger-ui-bundle.js" defer></script>
  <script src="/docs/page.js" defer></script>
</html>
`

const style = `
body { margin: 0 }
header { font: 600 1rem/1.5 system-ui, sans-serif; padding: .6rem 1.25rem; background: #17202a }
header a { color: #fff; text-decoration: none }
`

/** Closed lists: rendering a hundred and more operations at once takes seconds. */
const script = `
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
})
`
