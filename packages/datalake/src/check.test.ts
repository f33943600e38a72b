import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, it } from 'vitest'
import { openLake } from './index.ts'

it('reports a mount of files in place whose folder is gone, and makes none', async () => {
  await using folder = await temporaryFolder()
  const config = {
    database: 'sqlite:lake.db',
    mounts: { main: 'file:payloads', photos: 'file:photos?layout=plain' },
    default_mount: 'main',
  }
  const address = join(folder.path, 'lake.json')
  await writeFile(address, JSON.stringify(config))
  await using lake = await openLake(address)
  const check = async () => {
    const { ok, checks } = await lake.call('lake.check', undefined)
    return { ok, photos: checks.find(({ name }) => name === 'mount photos') }
  }
  for (let round = 0; round < 2; round++) {
    expect(await check()).toMatchObject({
      ok: false,
      photos: { ok: false, message: expect.stringContaining('does not exist') },
    })
  }
  await mkdir(join(folder.path, 'photos'))
  expect(await check()).toMatchObject({ ok: true, photos: { ok: true } })
})
