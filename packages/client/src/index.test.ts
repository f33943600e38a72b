import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as surface from './index.ts'

test('exports what it means to', () => {
  expect(Object.keys(surface).sort()).toEqual([
    'connectLake',
    'decodeHeader',
    'defaultMountSegment',
    'encodeHeader',
    'uploadFile',
    'wireHeaders',
  ])
})

test('runs in browsers: no module of Node is imported', async () => {
  const files = await readdir(import.meta.dirname, { recursive: true })
  for (const file of files.filter((name) => /(?<!\.test)\.ts$/.test(name))) {
    expect(await readFile(join(import.meta.dirname, file), 'utf8')).not.toMatch(/from 'node:/)
  }
})
