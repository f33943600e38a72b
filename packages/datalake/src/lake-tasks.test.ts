import { bytesOf } from '@mindtrace/core'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { openRegistry } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { expect, test } from 'vitest'
import { openLakeOver } from './testing/local-lakes.ts'

const key = 'registry_metadata.json'
const registered = {
  materializers: { 'acme.Frame': 'acme.FrameMaterializer' },
  version_objects: true,
  mutable: true,
  version_digits: 3,
}

test('a wipe keeps what is registered in a mount, unless that is to go too; the settings stay', async () => {
  const main = new MemoryMount()
  const stored = async (): Promise<unknown> =>
    JSON.parse(new TextDecoder().decode(await bytesOf((await main.read(key)).body, 10_000)))
  await main.write(key, new TextEncoder().encode(JSON.stringify(registered)))
  const database = await openSqliteDatabase({ path: ':memory:' })
  await using lake = await openLakeOver(
    { database, mounts: { main, other: new MemoryMount() } },
    { settings: { allowWipe: true } },
  )
  await lake.objects.put({ name: 'a', data_base64: '' })

  await lake.datalake.wipe({})
  expect(await stored()).toEqual(registered)
  await lake.datalake.wipe({ clear_registry_metadata: true, delete_payloads: false })
  expect(await stored()).toEqual(registered)

  const wiped = await lake.datalake.wipe({ clear_registry_metadata: true })
  expect(wiped).toMatchObject({ clear_registry_metadata: true, cleared_mounts: ['main', 'other'] })
  expect(await stored()).toEqual({ ...registered, materializers: {} })
  // It can be opened and written to as before.
  const again = await openRegistry(main, { versionObjects: true, mutable: true })
  expect((await again.put('a', new Uint8Array())).version).toBe('1.0.0')
})
