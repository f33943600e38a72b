import { type CallOptions, mapBounded } from '@mindtrace/core'
import type { Records } from '../records/records.ts'

/** Versions of an object that are referred to; `all` where a reference names none in particular. */
export type ReferredVersions = ReadonlySet<string> | 'all'

/** The kinds of annotations whose geometry may be a stored object. */
const maskKinds = ['mask', 'instance_mask', 'pointcloud_segmentation'] as const

/** A version as registries spell it: anything else (null, `latest`, `1`) may mean any. */
const exactVersion = /^\d+(?:\.\d+)+$/

/** Collects what refers to the objects of one mount, by name. */
class Referred {
  readonly byName = new Map<string, Set<string> | 'all'>()
  readonly #mount: string

  constructor(mount: string) {
    this.#mount = mount
  }

  add(ref: unknown): void {
    if (typeof ref !== 'object' || ref === null) return
    const { mount, name, version } = ref as Record<string, unknown>
    if (mount !== this.#mount || typeof name !== 'string') return
    const known = this.byName.get(name)
    if (known === 'all') return
    if (typeof version !== 'string' || !exactVersion.test(version)) this.byName.set(name, 'all')
    else if (known === undefined) this.byName.set(name, new Set([version]))
    else known.add(version)
  }
}

/** What assets declare as their payloads: an index on both back ends, which nearly every object has an entry in. */
export async function declaredVersions(
  records: Records,
  mount: string,
  names: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, ReferredVersions>> {
  const referred = new Referred(mount)
  const assets = records.assets.stream(
    { 'storage_ref.name': { $in: [...names] } },
    { ...options, fields: ['storage_ref', 'payload_storage_ref'] },
  )
  for await (const { storage_ref, payload_storage_ref } of assets) {
    referred.add(storage_ref)
    referred.add(payload_storage_ref)
  }
  return referred.byName
}

/**
 * Everything that refers to objects, announcements included. It reads whole collections where SQLite has no
 * index, so it is asked for the few names that nothing declares.
 *
 * What is added to the model must be added here: `storage-references.test.ts` compares the two.
 */
export async function allReferredVersions(
  records: Records,
  mount: string,
  names: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, ReferredVersions>> {
  const wanted = { $in: [...names] }
  const referred = new Referred(mount)
  // First, and to the end: what is announced no more by then has its records, which are looked for after.
  for await (const announced of records.announcedPayloads.stream({ mount }, options)) {
    for (const name of announced.names) referred.add({ mount, name })
  }
  const looks: readonly (() => Promise<void>)[] = [
    async () => {
      const assets = records.assets.stream(
        { 'storage_ref.name': wanted },
        { ...options, fields: ['storage_ref'] },
      )
      for await (const { storage_ref } of assets) referred.add(storage_ref)
    },
    async () => {
      const assets = records.assets.stream(
        { 'payload_storage_ref.name': wanted },
        { ...options, fields: ['payload_storage_ref'] },
      )
      for await (const { payload_storage_ref } of assets) referred.add(payload_storage_ref)
    },
    async () => {
      const masks = records.annotationRecords.stream(
        { kind: { $in: [...maskKinds] }, 'geometry.storage_ref.name': wanted },
        { ...options, fields: ['geometry'] },
      )
      for await (const { geometry } of masks) referred.add(geometry.storage_ref)
    },
    async () => {
      // Whatever a client has uploaded under this name is the client's, whether an asset has it or not.
      const sessions = records.uploadSessions.stream(
        { name: wanted },
        { ...options, fields: ['mount', 'name'] },
      )
      for await (const { mount: where, name } of sessions) referred.add({ mount: where, name })
    },
  ]
  await mapBounded(looks, 2, (look) => look(), options)
  return referred.byName
}
