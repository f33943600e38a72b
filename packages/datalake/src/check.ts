import {
  bytesOf,
  type CallOptions,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  newToken,
} from '@mindtrace/core'
import type { Registry } from '@mindtrace/registry'
import type { Handlers, LakeParts } from './lake-parts.ts'

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly message: string
}

/** Whether database and mounts work: what `mindtrace doctor` asks. */
export function checkHandlers({ database, store }: LakeParts) {
  return {
    'lake.check': async (_input, options) => {
      const checks = [await checked('database', options, () => checkDatabase(database, options))]
      for (const { name, readOnly } of store.mounts()) {
        const registry = store.registry(name)
        checks.push(
          await checked(`mount ${name}`, options, () =>
            readOnly ? checkReadable(registry, options) : checkWritable(registry, options),
          ),
        )
      }
      return { ok: checks.every(({ ok }) => ok), checks }
    },
  } satisfies Handlers
}

async function checked(
  name: string,
  options: CallOptions,
  check: () => Promise<string>,
): Promise<Check> {
  try {
    return { name, ok: true, message: await check() }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!isMindtraceError(error)) throw error
    return { name, ok: false, message: errorMessage(error) }
  }
}

async function checkDatabase(
  database: LakeParts['database'],
  options: CallOptions,
): Promise<string> {
  await database.ping(options)
  const faults = await database.check(options)
  if (faults.length === 0) return 'answers and is whole'
  const [first] = faults
  throw new MindtraceError(
    'CORRUPT',
    `${faults.length} faults in what is stored, the first: ${first}; restore a backup`,
    { details: { faults: faults.slice(0, 20) } },
  )
}

/** A probe object goes in, comes back and is removed. */
async function checkWritable(registry: Registry, options: CallOptions): Promise<string> {
  const name = `mindtrace-check-${newToken()}`
  const { version } = await registry.put(name, new TextEncoder().encode(name), options)
  try {
    const { body } = await registry.open(name, { ...options, version })
    await bytesOf(body, 1024, options)
  } finally {
    await registry.delete(name, { version })
  }
  return `can be written and read at ${registry.mount.location}`
}

async function checkReadable(registry: Registry, options: CallOptions): Promise<string> {
  const { location } = registry.mount
  // Nothing ever makes the place of a mount that is only read.
  if (!(await registry.mount.isThere(options))) {
    throw new MindtraceError(
      'NOT_FOUND',
      `'${location}' does not exist; restore it, or correct the mount's address`,
      { details: { location } },
    )
  }
  for await (const _name of registry.list(options)) break
  return `can be listed at ${location} (read-only)`
}
