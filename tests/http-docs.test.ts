import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { serve } from '@mindtrace/service'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('the lines of docs/http.md do what they say', async () => {
  await using folder = await temporaryFolder()
  await using lake = await openLake(join(folder.path, 'lake'))
  await using service = await serve({ lake, port: 0, pidFolder: folder.path })
  const text = await readFile(new URL('../docs/http.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block)
  expect(blocks).toHaveLength(6)
  // Each line is shown before it runs, so a failure says which it was.
  const script = ['set -euxo pipefail', ...blocks].join('\n')
  const shell = run('bash', ['-c', script], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, HOME: folder.path, LC_ALL: 'C.UTF-8', LAKE: service.address },
  })
  await expect(shell).resolves.toBeDefined()
})
