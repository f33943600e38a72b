import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { LocalMount } from './mounts/local/index.ts'
import { openRegistry } from './registry.ts'
import { collect } from './testing/collect.ts'

const python = process.env.MINDTRACE_TEST_PYTHON
const missing = reasonToSkip()

const names = ['plain', 'vault/cat', 'cam:1', 'a/b:c/d e', 'ünï/é', 'imports/voc/1.0.0/train/x']
const metadata = {
  'camera ü': 'line-3',
  yes: 'yes',
  n: [1, 2.5, null, { x: '1e5' }],
  t: '2024-01-01',
}
const settings = { mutable: true, versionObjects: true }

/** Runs Python against a registry; the script finds `registry` open and prints JSON. */
async function runPython(folder: string, script: string): Promise<unknown> {
  const file = join(folder, 'script.py')
  await writeFile(
    file,
    `import json, sys
from mindtrace.registry import Registry
registry = Registry(sys.argv[1], mutable=True, version_objects=True)
names = json.loads(sys.argv[2])
${script}`,
  )
  const output = execFileSync(python ?? '', [file, join(folder, 'lake'), JSON.stringify(names)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder },
  })
  return JSON.parse(output.trim().split('\n').at(-1) ?? '')
}

describe.skipIf(missing !== undefined)(
  `with the Python reference${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    it('reads what Python wrote', async () => {
      await using folder = await temporaryFolder()
      await runPython(
        folder.path,
        `for n in names:
    registry.save(n, ("bytes of " + n).encode(), version="1.0.0", metadata={"name": n})
registry.save("text", "héllo 😀")
registry.save("plain", b"second")
registry.save("a dict", {"x": [1, 2.5]})
print(json.dumps("done"))`,
      )
      const registry = await openRegistry(new LocalMount(join(folder.path, 'lake')))
      expect(registry.settings).toMatchObject(settings)
      expect((await collect(registry.list())).toSorted()).toEqual(
        [...names, 'text', 'a dict'].toSorted(),
      )
      for (const name of names) {
        const { object, body } = await registry.open(name, { version: '1.0.0' })
        expect(new TextDecoder().decode(await bytesOf(body, 1e6))).toBe(`bytes of ${name}`)
        expect(object.metadata).toEqual({ name })
      }
      expect(await registry.text('text')).toBe('héllo 😀')
      expect(await registry.versions('plain')).toEqual(['1.0.0', '1.0.1'])
      expect((await registry.put('plain', new Uint8Array(3))).version).toBe('1.0.2')
    }, 120_000)

    it('writes what Python loads and verifies', async () => {
      await using folder = await temporaryFolder()
      await using mount = new LocalMount(join(folder.path, 'lake'))
      const registry = await openRegistry(mount, settings)
      const items = names.map((name) => ({
        name,
        body: new TextEncoder().encode(`bytes of ${name}`),
        metadata,
        contentType: 'image/png',
      }))
      for (const outcome of await registry.putMany(items)) expect(outcome.status).toBe('stored')
      await registry.put('streamed', new Blob(['x'.repeat(3_000_000)]).stream())
      await registry.put('text', 'héllo 😀')
      await registry.put('over/written', 'old', { version: '1' })
      await registry.put('over/written', new TextEncoder().encode('new'), { version: '1' })
      const loaded = await runPython(
        folder.path,
        `out = {n: registry.load(n, version="1.0.0", verify="full").decode() for n in names}
info = registry.info("vault/cat", "1.0.0")
print(json.dumps({"loaded": out, "metadata": info["metadata"], "sha256": info["sha256"],
    "streamed": len(registry.load("streamed", verify="integrity")),
    "text": registry.load("text"), "written": registry.load("over/written", version="1.0.0").decode(),
    "flat": registry.list_versions("plain"), "again": registry.save("plain", b"from python")}))`,
      )
      expect(loaded).toMatchObject({
        loaded: Object.fromEntries(names.map((name) => [name, `bytes of ${name}`])),
        metadata,
        streamed: 3_000_000,
        text: 'héllo 😀',
        written: 'new',
        flat: ['1.0.0'],
        again: '1.0.1',
      })
      expect(await registry.verify('plain', { version: '1.0.1' })).toBe(true)
    }, 120_000)

    it('keeps out of the way of a Python writer that holds a lock, and is kept out itself', async () => {
      await using folder = await temporaryFolder()
      await using mount = new LocalMount(join(folder.path, 'lake'))
      const registry = await openRegistry(mount, settings)
      await registry.put('vault/cat', 'one', { version: '1' })
      await using lock = await mount.lock('vault/cat@1.0.0')
      expect(lock?.isHeld()).toBe(true)
      const answer = await runPython(
        folder.path,
        `from mindtrace.registry.backends.local_registry_backend import LocalRegistryBackend
short = Registry(LocalRegistryBackend(sys.argv[1], lock_timeout=1), mutable=True, version_objects=True)
try:
    short.save("vault/cat", b"two", version="1.0.0")
    answer = "saved"
except Exception as error:
    answer = type(error).__name__
print(json.dumps(answer))`,
      )
      expect(answer).toBe('LockAcquisitionError')
      await lock?.[Symbol.asyncDispose]()
      expect(await registry.text('vault/cat')).toBe('one')
    }, 120_000)
  },
)

function reasonToSkip(): string | undefined {
  if (python === undefined) return 'MINDTRACE_TEST_PYTHON names no interpreter'
  try {
    execFileSync(python, ['-c', 'import mindtrace.registry'], { stdio: 'pipe' })
    return undefined
  } catch {
    return `${python} has no mindtrace-registry`
  }
}
