import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { OnConflict } from './object-writer.ts'
import type { Registry, StoredObject } from './registry.ts'
import type { RegistrySettings } from './registry-settings.ts'

/** Points at an object version in a store. `version` absent, null or `latest`: the highest. */
export interface StorageRef {
  readonly mount: string
  readonly name: string
  readonly version?: string | null | undefined
}

/** A key taken apart: `[<mount>/]<name>[@<version>]`. */
export interface StoreKey {
  readonly mount: string | undefined
  readonly name: string
  readonly version: string | undefined
}

/** One mount of a store, for listings. */
export interface MountDescription {
  readonly name: string
  readonly location: string
  readonly readOnly: boolean
  readonly isDefault: boolean
  readonly settings: RegistrySettings
}

/** A ref resolved: the registry, and what to ask it for. */
export interface ResolvedRef {
  readonly mount: string
  readonly registry: Registry
  readonly name: string
  /** Undefined: the highest. */
  readonly version: string | undefined
}

/** Several registries under names, one of them the default for writes. Disposing closes all. */
export class Store implements AsyncDisposable {
  readonly defaultMount: string
  readonly #registries = new Map<string, Registry>()

  /**
   * @throws {@link MindtraceError} `INVALID_INPUT` for a mount name that is empty or holds `/` or `@`;
   * `NOT_FOUND` when the default is no mount. Default: the first.
   */
  constructor(
    mounts: Readonly<Record<string, Registry>> | ReadonlyMap<string, Registry>,
    options: { readonly defaultMount?: string | undefined } = {},
  ) {
    const entries = mounts instanceof Map ? mounts.entries() : Object.entries(mounts)
    for (const [name, registry] of entries) this.add(name, registry)
    this.defaultMount = options.defaultMount ?? this.#registries.keys().next().value ?? ''
    this.registry(this.defaultMount)
  }

  /**
   * Adds a mount. It can change what an unqualified key with that first segment means.
   *
   * @throws {@link MindtraceError} `INVALID_INPUT` for the name, `DUPLICATE` when it is taken.
   */
  add(name: string, registry: Registry): void {
    if (name.trim() === '' || /[/@]/.test(name)) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `mount name ${JSON.stringify(name)} must not be empty or contain '/' or '@'`,
      )
    }
    if (this.#registries.has(name)) {
      throw new MindtraceError('DUPLICATE', `mount '${name}' exists already`, { details: { name } })
    }
    this.#registries.set(name, registry)
  }

  /** All mounts in the order in which they were added. */
  mounts(): MountDescription[] {
    return [...this.#registries].map(([name, registry]) => ({
      name,
      location: registry.mount.location,
      readOnly: registry.readOnly,
      isDefault: name === this.defaultMount,
      settings: registry.settings,
    }))
  }

  /** The registry of a mount (default: the default one). @throws `NOT_FOUND` naming those there are. */
  registry(mount: string = this.defaultMount): Registry {
    const registry = this.#registries.get(mount)
    if (registry !== undefined) return registry
    const known = [...this.#registries.keys()]
    throw new MindtraceError(
      'NOT_FOUND',
      `no mount '${mount}'; configured are: ${known.join(', ') || 'none'}`,
      { details: { mount, mounts: known } },
    )
  }

  /** Like {@link Store.registry}, for a write. @throws `NOT_FOUND`; `READ_ONLY`. */
  writable(mount: string = this.defaultMount): Registry {
    const registry = this.registry(mount)
    if (!registry.readOnly) return registry
    throw new MindtraceError('READ_ONLY', `mount '${mount}' is read-only; choose another`, {
      details: { mount },
    })
  }

  /** What a ref points at; nothing is looked up in the mount. @throws `NOT_FOUND` for the mount. */
  resolve(ref: StorageRef): ResolvedRef {
    const { mount, name, version } = ref
    return {
      mount,
      registry: this.registry(mount),
      name,
      version: version === null || version === 'latest' ? undefined : version,
    }
  }

  /**
   * Takes a key apart. The text before the first `/` is the mount if one of that name exists, else part of
   * the object's name.
   *
   * @throws {@link MindtraceError} `INVALID_INPUT` for a key without a name.
   * @see registry.md 2.4
   */
  parseKey(key: string): StoreKey {
    const trimmed = key.trim()
    const at = trimmed.indexOf('@')
    const base = at < 0 ? trimmed : trimmed.slice(0, at)
    const version = at < 0 ? undefined : trimmed.slice(at + 1)
    const slash = base.indexOf('/')
    const first = base.slice(0, Math.max(slash, 0))
    const isQualified = slash >= 0 && this.#registries.has(first)
    const name = isQualified ? base.slice(slash + 1) : base
    if (name !== '') return { mount: isQualified ? first : undefined, name, version }
    throw new MindtraceError(
      'INVALID_INPUT',
      `key ${JSON.stringify(key.slice(0, 80))} has no name; use [mount/]name[@version]`,
    )
  }

  /** The key of a ref: `mount/name@version`, or `mount/name`. @throws `NOT_FOUND`; `INVALID_INPUT`. */
  formatKey({ mount, name, version }: StorageRef): string {
    this.registry(mount)
    if (name === '') throw new MindtraceError('INVALID_INPUT', 'an object needs a name')
    return version == null ? `${mount}/${name}` : `${mount}/${name}@${version}`
  }

  /**
   * The mount that holds the object of a key: the one it names, else the only one that has it.
   *
   * @throws {@link MindtraceError} `NOT_FOUND` when none has it, `CONFLICT` when several do.
   */
  async find(key: string, options: CallOptions = {}): Promise<ResolvedRef> {
    const { mount, name, version } = this.parseKey(key)
    if (mount !== undefined) return this.resolve({ mount, name, version })
    const holders: string[] = []
    for (const [candidate, registry] of this.#registries) {
      if (await registry.has(name, { ...options, version })) holders.push(candidate)
    }
    const [holder] = holders
    if (holder === undefined) {
      throw new MindtraceError('NOT_FOUND', `no object '${key}' in any mount`, { details: { key } })
    }
    if (holders.length === 1) return this.resolve({ mount: holder, name, version })
    throw new MindtraceError(
      'CONFLICT',
      `'${key}' exists in ${holders.join(', ')}; write the mount before it: ${holder}/${key}`,
      { details: { key, mounts: holders } },
    )
  }

  /**
   * Copies an object to a mount, which may be its own: see {@link Registry.copyFrom}.
   *
   * @throws {@link MindtraceError} `NOT_FOUND` for a mount or the source, `READ_ONLY`, what
   * {@link Registry.copyFrom} throws.
   */
  async copy(
    source: StorageRef,
    target: {
      readonly mount: string
      readonly name: string
      /** Absent or null: the next one. */
      readonly version?: string | null | undefined
    },
    options: CallOptions & { readonly onConflict?: OnConflict | undefined } = {},
  ): Promise<StoredObject> {
    const from = this.registry(source.mount)
    const to = this.writable(target.mount)
    return to.copyFrom(from, source.name, {
      ...options,
      version: source.version ?? undefined,
      target: { name: target.name, version: target.version ?? undefined },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const registry of this.#registries.values()) await registry[Symbol.asyncDispose]()
  }
}
