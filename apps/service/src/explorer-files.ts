import { readdir, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileStream } from '@mindtrace/core/files'
import type { Hono } from 'hono'

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const

/** A built page: the folder that holds its `index.html`. */
export interface ExplorerFiles {
  readonly root: string
}

/**
 * Serves the explorer at `/`. Only files that were found in its folder have an address, so no path can
 * lead out of it. Names that carry a hash of their content may be kept for ever.
 */
export function addExplorer(app: Hono, explorer: ExplorerFiles | undefined): void {
  if (explorer === undefined) {
    app.get('/', () => new Response(plainPage, { headers: headersOf('.html', false) }))
    return
  }
  let files: Promise<ReadonlyMap<string, string>> | undefined
  app.get('/*', async (context, next) => {
    const path = context.req.path === '/' ? '/index.html' : context.req.path
    // The page itself is asked for at every visit: a new build is noticed then.
    if (path === '/index.html') files = undefined
    files ??= filesUnder(explorer.root)
    const file = (await files).get(path)
    const response = file === undefined ? undefined : await fileResponse(file, context.req.raw)
    if (response !== undefined) return response
    return path === '/index.html' ? missingBuild() : next()
  })
}

async function filesUnder(root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    files.set(`/${relative(root, file).split(sep).join('/')}`, file)
  }
  return files
}

/** A file of a page, with its type, tag and caching; undefined when it is not there. */
export async function fileResponse(file: string, request: Request): Promise<Response | undefined> {
  const found = await stat(file).catch(() => undefined)
  if (found === undefined) return undefined
  const { size, mtimeMs } = found
  const etag = `"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`
  const headers = {
    ...headersOf(extname(file), /-[\w-]{8,}\.\w+$/.test(file)),
    'content-length': String(size),
    etag,
  }
  if (request.headers.get('if-none-match') === etag)
    return new Response(null, { status: 304, headers })
  if (request.method === 'HEAD') return new Response(null, { headers })
  return new Response(fileStream(file), { headers })
}

function headersOf(extension: string, hashed: boolean): Record<string, string> {
  return {
    ...pageHeaders,
    'content-type': mediaTypes[extension] ?? 'application/octet-stream',
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

function missingBuild(): Response {
  return new Response(plainPage, { headers: headersOf('.html', false) })
}

const plainPage = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Mindtrace</title>
  <style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
  <h1>Mindtrace</h1>
  <p>This is the service of a lake. The explorer is not installed here.</p>
  <ul>
    <li><a href="/docs">What it can do</a>, to read and to try (<a href="/openapi.json">OpenAPI</a>)</li>
    <li><a href="/v1/extensions">What it adds to the Python service</a></li>
    <li><a href="/ready">Whether it is ready</a></li>
  </ul>
</html>
`
