import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'

const python = process.env.MINDTRACE_TEST_PYTHON

const script = `
import json, sys
from mindtrace.datalake import DatalakeService
client = DatalakeService.connect(url=sys.argv[1])
heartbeat = client.heartbeat().heartbeat
out = {
    "status": client.status().status.value,
    "server_id": str(heartbeat.server_id),
    "endpoints": len(client.endpoints().endpoints),
    "collection": client.collections_create(name="bench-7").collection.name,
    "deleted": client.collections_delete(id="c"),
}
try:
    client.assets_get(id="missing")
except Exception as error:
    out["error"] = getattr(error, "status_code", repr(error))
print(json.dumps(out))
`

test.skipIf(python === undefined)(
  'an unchanged Python client connects and calls (set MINDTRACE_TEST_PYTHON)',
  { timeout: 120_000 },
  async () => {
    await using folder = await temporaryFolder()
    const { MindtraceError } = await import('@mindtrace/core')
    const lake = fakeLake({
      'collections.create': ({ name }: { name: string }) => ({
        collection: {
          _id: '665f1c2e9b1e8a0012ab34cd',
          collection_id: 'collection_1',
          name,
          description: null,
          status: 'active',
          metadata: {},
          created_at: '2026-05-29T12:45:30.123Z',
          created_by: null,
          updated_at: '2026-05-29T12:45:30.123Z',
        },
      }),
      'assets.get': () => {
        throw new MindtraceError('NOT_FOUND', 'no asset missing')
      },
    })
    await using service = await startService({ app: testApp(lake), port: 0 })
    const home = join(folder.path, 'home')
    await mkdir(home)
    const file = join(folder.path, 'client.py')
    await writeFile(file, script)
    const { stdout } = await promisify(execFile)(python as string, [file, service.address], {
      env: { ...process.env, HOME: home, XDG_CACHE_HOME: home },
    })
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toEqual({
      status: 'Available',
      server_id: '5f0c1c9e-0000-4000-8000-000000000001',
      endpoints: 116,
      collection: 'bench-7',
      deleted: null,
      error: 404,
    })
  },
)
