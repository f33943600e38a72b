import { execFile } from 'node:child_process'
import { copyFile, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { serve } from '@mindtrace/service'
import openapiTypescript, { astToString } from 'openapi-typescript'
import { expect, test } from 'vitest'

/** The compiler of this repository, in its strictest form for code that generators write. */
const compilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: false,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  target: 'esnext',
  module: 'nodenext',
  lib: ['esnext', 'dom'],
  types: [],
}

test('a client that openapi-typescript makes compiles, and calls a service', {
  timeout: 180_000,
}, async () => {
  await using folder = await temporaryFolder()
  await using lake = await openLake(join(folder.path, 'lake'), { create: true })
  const { api_key } = await lake.keys.create({ name: 'types', role: 'writer' })
  await using service = await serve({ lake, port: 0, pidFolder: folder.path })

  const here = fileURLToPath(new URL('.', import.meta.url))
  const document = await (await fetch(`${service.address}/openapi.json`)).text()
  await writeFile(join(folder.path, 'paths.ts'), astToString(await openapiTypescript(document)))
  await copyFile(join(here, 'typed-client', 'calls.ts'), join(folder.path, 'calls.ts'))
  await symlink(join(here, '..', 'node_modules'), join(folder.path, 'node_modules'))
  await writeFile(join(folder.path, 'package.json'), '{ "type": "module" }')
  await writeFile(
    join(folder.path, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['calls.ts'] }),
  )
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve('../../node_modules/typescript/package.json')),
    'bin',
    'tsc',
  )
  const { stdout } = await promisify(execFile)(process.execPath, [
    compiler,
    '-p',
    folder.path,
  ]).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
  expect(await readFile(join(folder.path, 'paths.ts'), 'utf8')).toContain('assets_list_page')

  const { calls } = await import(pathToFileURL(join(folder.path, 'calls.ts')).href)
  expect(await calls(service.address, api_key)).toEqual({
    version: expect.stringMatching(/^\d/),
    total: 1,
    detail: expect.stringContaining('nothing'),
    range: [206, 'bytes 1-2/3'],
    written: 4,
    ready: 'ready',
    nothing: null,
    refused: 422,
  })
})
