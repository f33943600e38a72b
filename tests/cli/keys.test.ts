import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { jsonLines, runCli, startCli } from './run-cli.ts'

test('keys are made here and over HTTP, shown once, listed, revoked, and all of it is in the log', async () => {
  await using folder = await temporaryFolder()
  const lake = join(folder.path, 'lake')
  // No lake is served to others before it has a key, and the message says what to do.
  const refused = await runCli(['serve', '--lake', lake, '--host', '0.0.0.0', '--port', '0'])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/no keys yet.*mindtrace keys create.*--insecure/)

  const made = await runCli(['keys', 'create', '--name', 'boss', '--role', 'admin', '--lake', lake])
  const admin = made.stdout.trim()
  expect(admin).toMatch(/^mtk_[0-9a-f]{16}_[\w-]{43}$/)
  expect(made.stderr).not.toContain(admin.slice(21))

  const serving = startCli([
    'serve',
    '--lake',
    lake,
    '--host',
    '0.0.0.0',
    '--port',
    '0',
    '--verbose',
  ])
  const said = await serving.saw('(Ctrl-C ends it)')
  const address = `http://127.0.0.1:${/:(\d+) /.exec(said)?.[1]}`
  const env = { MINDTRACE_API_KEY: admin }
  const as = (key: string) => address.replace('://', `://${key}@`)

  const anonymous = await runCli(['ls', '--lake', address])
  expect([anonymous.code, anonymous.stdout]).toEqual([1, ''])
  expect(anonymous.stderr).toContain('asks for a key')

  const remote = await runCli(
    [
      'keys',
      'create',
      '--name',
      'camera',
      '--role',
      'writer',
      '--expires',
      '90d',
      '--only-mount',
      'main',
      '--json',
      '--lake',
      address,
    ],
    { env },
  )
  const [created] = jsonLines(remote.stdout) as [{ api_key: string; key: { key_id: string } }]
  const camera = created.api_key
  // What stands in the address goes before the variable.
  const limited = await runCli(['ls', 'collections', '--lake', as(camera)], { env })
  expect(limited.stderr).toContain('this key is limited to the mounts main')
  const wrong = await runCli(['ls', '--lake', as('mtk_wrong')], { env })
  expect([wrong.code, wrong.stderr.includes('mtk_wrong')]).toEqual([1, false])

  const listed = await runCli(['keys', 'list', '--json', '--lake', as(admin)])
  expect(jsonLines(listed.stdout).map(({ name }) => name)).toEqual(['camera', 'boss'])
  const revoked = await runCli(['keys', 'revoke', camera, '--lake', address], { env })
  expect(revoked.stdout).toBe(`revoked ${created.key.key_id} (camera)\n`)
  expect((await runCli(['keys', 'list', '--lake', address], { env })).stdout).not.toContain(
    'camera',
  )

  serving.process.kill('SIGINT')
  const ended = await serving.finished
  const log = await runCli(['audit', '--json', '--lake', lake])
  expect(jsonLines(log.stdout).map(({ actor_name, task }) => [actor_name, task])).toEqual([
    ['boss', 'keys.revoke'],
    ['boss', 'keys.create'],
    [null, 'keys.create'],
  ])
  const shown = [ended, anonymous, limited, listed, revoked, log, wrong].map(
    ({ stdout, stderr }) => stdout + stderr,
  )
  for (const key of [admin, camera]) expect(shown.join('\n')).not.toContain(key.slice(21))
}, 120_000)
