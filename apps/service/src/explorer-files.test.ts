import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'

async function builtExplorer() {
  const folder = await temporaryFolder()
  const root = join(folder.path, 'dist')
  await mkdir(join(root, 'ui'), { recursive: true })
  await writeFile(join(root, 'index.html'), '<!doctype html><title>Explorer</title>')
  await writeFile(join(root, 'ui', 'main-DqY2b8_x.js'), 'export {}')
  await writeFile(join(folder.path, 'secret.txt'), 'secret')
  await symlink(join(folder.path, 'secret.txt'), join(root, 'link.txt'))
  return { app: testApp(fakeLake(), { explorer: { root } }), root, folder }
}

test('serves the page and its files with their types, policy and caching', async () => {
  const { app, folder } = await builtExplorer()
  await using _folder = folder
  const page = await app.request('/')
  expect(await page.text()).toContain('Explorer')
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('cache-control')).toBe('no-cache')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
  const script = await app.request('/ui/main-DqY2b8_x.js')
  expect(await script.text()).toBe('export {}')
  expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(script.headers.get('cache-control')).toContain('immutable')
  const etag = script.headers.get('etag') ?? ''
  const again = await app.request('/ui/main-DqY2b8_x.js', { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  const head = await app.request('/ui/main-DqY2b8_x.js', { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '9'])
})

test.each([
  '/secret.txt',
  '/../secret.txt',
  '/ui/../../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/ui/..%5c..%5csecret.txt',
  '/link.txt',
  '/ui',
  '/ui/',
  '/etc/passwd',
  '//etc/passwd',
  '/index.html%00',
])('has nothing at %s', async (path) => {
  const { app, folder } = await builtExplorer()
  await using _folder = folder
  const response = await app.fetch(new Request(`http://localhost${path}`))
  expect([response.status, await response.text()]).toEqual([404, '{"detail":"Not Found"}'])
})

test('leaves the paths of the service alone', async () => {
  const { app, folder } = await builtExplorer()
  await using _folder = folder
  expect((await app.request('/assets.get')).status).toBe(405)
  expect((await app.request('/health')).status).toBe(200)
})

test('answers a plain page where there is no explorer, or no build of it', async () => {
  await using folder = await temporaryFolder()
  for (const explorer of [undefined, { root: folder.path }, { root: join(folder.path, 'none') }]) {
    const page = await testApp(fakeLake(), { explorer }).request('/')
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('/openapi.json')
  }
})

test('notices a new build at the next visit', async () => {
  const { app, root, folder } = await builtExplorer()
  await using _folder = folder
  await app.request('/')
  await writeFile(join(root, 'ui', 'new.css'), 'a{}')
  await app.request('/')
  expect((await app.request('/ui/new.css')).headers.get('content-type')).toContain('text/css')
})
