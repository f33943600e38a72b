import { DatabaseSync } from 'node:sqlite'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

/*
 * bare-hono.ts FILE PORT: a point read of a lake's SQLite file by Hono and nothing else, to hold the service against.
 */
const [file, port] = process.argv.slice(2)
const database = new DatabaseSync(file as string, { readOnly: true })
const statement = database.prepare(
  `SELECT json(doc) AS doc FROM datalake_assets WHERE doc ->> '$."asset_id"' = ?`,
)
const app = new Hono()
app.post('/assets.get', async (context) => {
  const { id } = await context.req.json<{ readonly id: string }>()
  const row = statement.get(id) as { readonly doc: string } | undefined
  if (row === undefined) return context.json({ detail: 'Not Found' }, 404)
  return context.json({ asset: JSON.parse(row.doc) })
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(port) })
