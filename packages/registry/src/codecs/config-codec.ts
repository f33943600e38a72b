import { inspect } from 'node:util'
import { MindtraceError } from '@mindtrace/core'
import type { Artifact } from '../encoding.ts'
import type { Codec } from './codec.ts'
import { readJson } from './json-file.ts'
import { materializers } from './materializers.ts'
import { noValue } from './stored-files.ts'

const configFile = 'config.json'
const mask = '********'
const isSecretKey = /key|secret|token|passw|credential|private/i
const passwordInUrl = /(:\/\/[^/@:\s]*:)[^/@\s]+@/g

/**
 * A stored Mindtrace configuration. Printed, logged or turned into JSON it shows values whose key, or a
 * key above it, sounds like a secret as asterisks, and so
 * passwords in URLs; {@link StoredConfig.reveal} gives them.
 */
export class StoredConfig {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  /** All values, secrets in clear text. */
  reveal(): Readonly<Record<string, unknown>> {
    return this.#values
  }

  /** All values, secrets as asterisks. */
  toJSON(): Readonly<Record<string, unknown>> {
    return masked(this.#values, false) as Record<string, unknown>
  }

  toString(): string {
    return JSON.stringify(this)
  }

  [inspect.custom](): unknown {
    return this.toJSON()
  }
}

/** The reference's `Config`, read only: where it comes from is Python's business. */
export const configCodec: Codec<StoredConfig, never> = {
  name: 'configuration',
  materializers: [materializers.config],
  accepts: () => false,
  encode(): Artifact {
    throw new MindtraceError(
      'INVALID_INPUT',
      'a configuration is not stored from here; store a plain object instead',
    )
  },
  async decode(files, options) {
    const values = await readJson(files, configFile, options)
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw noValue(files.object, 'configuration')
    }
    return new StoredConfig(values as Record<string, unknown>)
  },
}

function masked(value: unknown, isSecret: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item, isSecret))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        masked(inner, isSecret || isSecretKey.test(key)),
      ]),
    )
  }
  if (isSecret && value !== null) return mask
  if (typeof value === 'string') return value.replace(passwordInUrl, `$1${mask}@`)
  return typeof value === 'bigint' ? String(value) : value
}
