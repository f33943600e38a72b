import { bytesOf, type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import * as z from 'zod'
import type { FileMount } from './mount.ts'

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
  mount: FileMount,
  wanted: WantedSettings & CallOptions & { readonly defaults?: WantedSettings | undefined },
): Promise<{ readonly settings: RegistrySettings; readonly isStored: boolean }> {
  const stored = await readStored(mount, wanted)
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
  mount: FileMount,
  settings: RegistrySettings,
  options: CallOptions = {},
): Promise<void> {
  const text = printSettings({ materializers: {} }, settings)
  try {
    await mount.write(key, new TextEncoder().encode(text), { ...options, ifAbsent: true })
    return
  } catch (error) {
    if (!isMindtraceError(error, 'PRECONDITION_FAILED')) throw error
  }
  await using lock = await mount.lock('_materializer_registry', { ...options, waitMs: 30_000 })
  if (lock === undefined) {
    throw new MindtraceError(
      'UNAVAILABLE',
      `another process holds the settings of '${mount.location}'`,
    )
  }
  const stored = (await readStored(mount, options)) ?? {}
  const { isStored } = await readSettings(mount, { ...settings, ...options })
  if (isStored) return
  await mount.write(key, new TextEncoder().encode(printSettings(stored, settings)), options)
}

async function readStored(
  mount: FileMount,
  options: CallOptions,
): Promise<StoredSettings | undefined> {
  let text: string
  try {
    const { body } = await mount.read(key, options)
    text = new TextDecoder().decode(await bytesOf(body, limitBytes, options))
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return undefined
    throw error
  }
  try {
    return StoredSettings.parse(JSON.parse(text))
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
  mount: FileMount,
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
