import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { said, serveWithKeys } from './served-lake.ts'

const python = process.env.MINDTRACE_TEST_PYTHON

const script = `
import json, sys
from mindtrace.datalake import DatalakeService

def status_of(call):
    try:
        call()
        return 200
    except Exception as error:
        return getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", repr(error))

out = {}
for name, url in zip(("admin", "reader", "password"), sys.argv[1:4]):
    client = DatalakeService.connect(url=url)
    out[name] = {
        "status": client.status().status.value,
        "summary": client.summary().summary[:13],
        "put": status_of(lambda: client.objects_put(name="a", data_base64="YWJj")),
        "wipe": status_of(lambda: client.datalake_wipe()),
        "heartbeat": client.heartbeat().heartbeat.status.value,
    }
out["none"] = status_of(lambda: DatalakeService.connect(url=sys.argv[4]).summary())
print(json.dumps(out))
`

test.skipIf(python === undefined)(
  'the unchanged Python client carries a key in its address (set MINDTRACE_TEST_PYTHON)',
  { timeout: 120_000 },
  async () => {
    await using folder = await temporaryFolder()
    await using served = await serveWithKeys('sqlite')
    const home = join(folder.path, 'home')
    await mkdir(home)
    const file = join(folder.path, 'client.py')
    await writeFile(file, script)
    const { address, keys } = served
    const urls = [
      address.replace('://', `://${keys.admin}@`),
      address.replace('://', `://${keys.reader}@`),
      address.replace('://', `://anybody:${keys.writer}@`),
      address,
    ]
    const { stdout } = await promisify(execFile)(python as string, [file, ...urls], {
      env: { ...process.env, HOME: home, XDG_CACHE_HOME: home },
    })
    const ofKey = { status: 'Available', summary: 'AsyncDatalake', heartbeat: 'Available' }
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toEqual({
      admin: { ...ofKey, put: 200, wipe: 403 },
      reader: { ...ofKey, put: 403, wipe: 403 },
      password: { ...ofKey, put: 200, wipe: 403 },
      none: 401,
    })
    const everything = said.lines.join('\n')
    for (const secret of said.secrets) expect(everything).not.toContain(secret)
  },
)
