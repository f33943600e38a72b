import { bytesOf, type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import * as z from 'zod'
import { isFileMount, isObjectMount, type Mount, type ObjectWriteOptions } from './mount.ts'

const key = 'registry_metadata.json'
const limitBytes = 16 * 1024 * 1024

/** The three settings that a registry keeps for good. */
export interface RegistrySettings {
  /** Keep history; otherwise every object has the one version `1.0.0`. */
  readonly versionObjects: boolean
  /** Existing versions may be overwritten. */
  readonly mutable: boolean
  /** Components of a version. */
  readonly versionDigits: number
}

/** Settings a caller insists on. */
export type WantedSettings = {
  readonly [Name in keyof RegistrySettings]?: RegistrySettings[Name] | undefined
}

const StoredSettings = z.looseObject({
  materializers: z.record(z.string(), z.unknown()).optional(),
  version_objects: z.boolean().nullish(),
  mutable: z.boolean().nullish(),
  version_digits: z.int().min(1).nullish(),
})
type StoredSettings = z.infer<typeof StoredSettings>

const referenceDefaults: RegistrySettings = {
  versionObjects: false,
  mutable: false,
  versionDigits: 3,
}
const storedNames = {
  versionObjects: 'version_objects',
  mutable: 'mutable',
  versionDigits: 'version_digits',
} as const

/**
 * The settings of a registry: what is stored, else what is wanted, else the defaults given, else those of
 * the reference.
 * Nothing is written.
 *
 * @throws {@link MindtraceError} `CONFLICT` when stored and wanted differ, `CORRUPT` for a document that
 * cannot be read (the reference takes it as empty, and loses the settings).
 * @see registry.md 3 and 9
 */
export async function readSettings(
  mount: Mount,
  wanted: WantedSettings & CallOptions & { readonly defaults?: WantedSettings | undefined },
): Promise<{ readonly settings: RegistrySettings; readonly isStored: boolean }> {
  const stored = await readStored(mount, wanted)
  return settingsOf(stored?.settings, wanted, mount)
}

function settingsOf(
  stored: StoredSettings | undefined,
  wanted: WantedSettings & { readonly defaults?: WantedSettings | undefined },
  mount: Mount,
): { readonly settings: RegistrySettings; readonly isStored: boolean } {
  const settings: RegistrySettings = {
    versionObjects: pick('versionObjects', stored, wanted, mount),
    mutable: pick('mutable', stored, wanted, mount),
    versionDigits: pick('versionDigits', stored, wanted, mount),
  }
  if (!Number.isInteger(settings.versionDigits) || settings.versionDigits < 1) {
    throw new MindtraceError('INVALID_INPUT', 'versionDigits must be a whole number from 1')
  }
  const isStored = Object.values(storedNames).every((name) => stored?.[name] != null)
  return { settings, isStored }
}

/** Makes the settings last, keeping all else in the document; of two first writers one wins. */
export async function storeSettings(
  mount: Mount,
  settings: RegistrySettings,
  options: CallOptions = {},
): Promise<void> {
  const isFirst = await write(mount, { materializers: {} }, settings, {
    ...options,
    ifAbsent: true,
  })
  if (isFirst) return
  if (isFileMount(mount)) {
    await using lock = await mount.lock('_materializer_registry', { ...options, waitMs: 30_000 })
    if (lock === undefined) throw heldByAnother(mount)
    await addSettings(mount, settings, options)
  } else {
    for (let attempt = 0; !(await addSettings(mount, settings, options)); attempt++) {
      if (attempt > 20) throw heldByAnother(mount)
    }
  }
}

/** Writes the settings anew, and nothing else: what materializers Python programs have registered is forgotten. */
export async function resetSettings(
  mount: Mount,
  settings: RegistrySettings,
  options: CallOptions = {},
): Promise<void> {
  await write(mount, {}, settings, options)
}

/** Adds what is missing. False when another writer was faster. */
async function addSettings(
  mount: Mount,
  settings: RegistrySettings,
  options: CallOptions,
): Promise<boolean> {
  const stored = await readStored(mount, options)
  const { isStored } = settingsOf(stored?.settings, settings, mount)
  if (isStored) return true
  return write(mount, stored?.settings ?? {}, settings, {
    ...options,
    ...(stored === undefined || !isObjectMount(mount) ? {} : { ifEtag: stored.etag }),
  })
}

async function write(
  mount: Mount,
  stored: StoredSettings,
  settings: RegistrySettings,
  options: ObjectWriteOptions,
): Promise<boolean> {
  const text = printSettings(stored, settings)
  try {
    await mount.write(key, new TextEncoder().encode(text), {
      ...options,
      ...{ contentType: 'application/json' },
    })
    return true
  } catch (error) {
    if (isMindtraceError(error, 'PRECONDITION_FAILED')) return false
    throw error
  }
}

function heldByAnother(mount: Mount): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `another process holds the settings of '${mount.location}'`,
  )
}

async function readStored(
  mount: Mount,
  options: CallOptions,
): Promise<{ readonly settings: StoredSettings; readonly etag: string } | undefined> {
  let text: string
  let etag: string
  try {
    const read = await mount.read(key, { signal: options.signal })
    etag = read.etag
    text = new TextDecoder().decode(await bytesOf(read.body, limitBytes, options))
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return undefined
    throw error
  }
  try {
    return { settings: StoredSettings.parse(JSON.parse(text)), etag }
  } catch (cause) {
    throw new MindtraceError(
      'CORRUPT',
      `'${key}' in '${mount.location}' cannot be read; restore it, or remove it and open with the right settings`,
      { cause },
    )
  }
}

function pick<K extends keyof RegistrySettings>(
  name: K,
  stored: StoredSettings | undefined,
  wanted: WantedSettings & { readonly defaults?: WantedSettings | undefined },
  mount: Mount,
): RegistrySettings[K] {
  const storedValue = (stored?.[storedNames[name]] ?? undefined) as RegistrySettings[K] | undefined
  const wantedValue = wanted[name]
  if (storedValue !== undefined && wantedValue !== undefined && storedValue !== wantedValue) {
    throw new MindtraceError(
      'CONFLICT',
      `the registry in '${mount.location}' was made with ${storedNames[name]}=${storedValue}, not ${wantedValue}; a registry keeps its settings`,
      { details: { setting: name, stored: storedValue, wanted: wantedValue } },
    )
  }
  return storedValue ?? wantedValue ?? wanted.defaults?.[name] ?? referenceDefaults[name]
}

// With the separators that Python's json module writes.
function printSettings(stored: StoredSettings, settings: RegistrySettings): string {
  const document = {
    ...stored,
    materializers: stored.materializers ?? {},
    version_objects: settings.versionObjects,
    mutable: settings.mutable,
    version_digits: settings.versionDigits,
  }
  const members = Object.entries(document).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  )
  return `{${members.join(', ')}}`
}
