import {
  type Asset,
  type Lake,
  parseInput,
  type ScopeRule,
  type ScopeSubject,
  type TaskCall,
  type TaskInput,
  type TaskName,
  taskScopes,
} from '@mindtrace/contract'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { Principal } from './principal.ts'

/** What is needed to find out where something lies. */
type Read = Pick<Lake, 'call'>

/**
 * The input of a task as a key with scopes may send it: checked, and a listing narrowed to what the key may see.
 *
 * @throws `FORBIDDEN` that names the scope, `VALIDATION_FAILED`, and what reading the subjects throws.
 */
export async function withinScopes<Name extends TaskName>(
  principal: Principal,
  name: Name,
  input: unknown,
  lake: Read,
  options: CallOptions,
): Promise<TaskInput<Name>> {
  // Checked before it is trusted: the handler sees what was looked at here, not what was sent.
  const parsed = parseInput(name, input) as Readonly<Record<string, unknown>> | undefined
  const rule = taskScopes[name] ?? 'whole'
  return (await applyRule(principal, name, rule, parsed, lake, options)) as TaskInput<Name>
}

/** As {@link withinScopes} for anything that has a rule. */
export async function applyRule(
  principal: Principal,
  what: string,
  rule: ScopeRule,
  input: Readonly<Record<string, unknown>> | undefined,
  lake: Read,
  options: CallOptions,
): Promise<unknown> {
  if (rule === 'any') return input
  if (rule === 'whole') throw outside(principal, `${what} concerns the whole lake`)
  let narrowed = input
  for (const subject of rule) {
    if ('list' in subject) {
      narrowed = { ...narrowed, filters: narrow(principal, what, subject.list, input?.filters) }
    } else {
      await checkSubject(principal, what, subject, input, lake, options)
    }
  }
  return narrowed
}

function narrow(
  principal: Principal,
  what: string,
  fields: { readonly mounts?: string; readonly collections?: string },
  filters: unknown,
): unknown {
  const { mounts, collections } = principal.scopes
  const conditions: unknown[] = filters === null || filters === undefined ? [] : [filters]
  for (const [field, allowed] of [
    [fields.mounts, mounts],
    [fields.collections, collections],
  ] as const) {
    if (allowed === null) continue
    if (field === undefined) throw outside(principal, `${what} can't be narrowed to it`)
    conditions.push({ [field]: { $in: allowed } })
  }
  return { $and: conditions }
}

async function checkSubject(
  principal: Principal,
  what: string,
  subject: Exclude<ScopeSubject, { readonly list: unknown }>,
  input: unknown,
  lake: Read,
  options: CallOptions,
): Promise<void> {
  const { call } = lake
  if ('mount' in subject) {
    const given = valueAt(input, subject.mount) ?? (await defaultMount(call, options))
    return checkMounts(principal, what, [given], null)
  }
  if ('mounts' in subject) {
    const places = valueAt(input, subject.mounts) as readonly { readonly mount: string }[]
    return checkMounts(
      principal,
      what,
      places.map(({ mount }) => mount),
      null,
    )
  }
  if ('collection' in subject) {
    const id = valueAt(input, subject.collection)
    if (id === undefined && subject.optional === true) return
    return checkCollection(principal, what, id)
  }
  if ('item' in subject) {
    const id = String(valueAt(input, subject.item))
    const { collection_item } = await call('collection_items.get', { id }, options)
    checkCollection(principal, what, collection_item.collection_id)
    if (principal.scopes.mounts === null) return
    const { asset } = await call('assets.get', { id: collection_item.asset_id }, options)
    return checkMounts(principal, what, mountsOf(asset), asset.asset_id)
  }
  if ('assets' in subject) {
    const ids = valueAt(input, subject.assets)
    for (const id of Array.isArray(ids) ? ids : []) {
      const { asset } = await call('assets.get', { id: String(id) }, options)
      await checkAsset(principal, what, asset, call, options)
    }
    return
  }
  if ('alias' in subject) {
    const alias = String(valueAt(input, subject.alias))
    const { asset } = await call('assets.get_by_alias', { alias }, options)
    return checkAsset(principal, what, asset, call, options)
  }
  const id = valueAt(input, subject.asset)
  if (id === undefined && subject.optional === true) return
  const { asset } = await call('assets.get', { id: String(id) }, options)
  await checkAsset(principal, what, asset, call, options)
}

async function checkAsset(
  principal: Principal,
  what: string,
  asset: Asset,
  call: TaskCall,
  options: CallOptions,
): Promise<void> {
  const { mounts, collections } = principal.scopes
  if (mounts !== null) checkMounts(principal, what, mountsOf(asset), asset.asset_id)
  if (collections === null) return
  const filters = { asset_id: asset.asset_id, collection_id: { $in: collections } }
  const page = await call('collection_items.list_page', { filters, limit: 1 }, options)
  if (page.items.length === 0) {
    throw outside(principal, `${asset.asset_id} is in none of its collections`)
  }
}

function mountsOf({ storage_ref, payload_storage_ref }: Asset): string[] {
  return [storage_ref.mount, ...(payload_storage_ref === null ? [] : [payload_storage_ref.mount])]
}

function checkMounts(
  principal: Principal,
  what: string,
  names: readonly unknown[],
  asset: string | null,
): void {
  const { mounts, collections } = principal.scopes
  if (asset === null && collections !== null) throw outside(principal, `${what} is about a mount`)
  if (mounts === null) return
  const other = names.find((name) => !mounts.includes(name as string))
  if (other === undefined) return
  throw outside(principal, `${asset ?? what} is in the mount ${JSON.stringify(other)}`)
}

function checkCollection(principal: Principal, what: string, id: unknown): void {
  const { collections } = principal.scopes
  if (collections === null) throw outside(principal, `${what} is about a collection`)
  if (!collections.includes(id as string)) {
    throw outside(principal, `${what} is about the collection ${JSON.stringify(id)}`)
  }
}

async function defaultMount(call: TaskCall, options: CallOptions): Promise<string> {
  return (await call('health', undefined, options)).default_mount
}

function outside({ scopes }: Principal, why: string): MindtraceError {
  const limits = [
    ...(scopes.mounts === null ? [] : [`the mounts ${scopes.mounts.join(', ')}`]),
    ...(scopes.collections === null ? [] : [`the collections ${scopes.collections.join(', ')}`]),
  ]
  return new MindtraceError(
    'FORBIDDEN',
    `this key is limited to ${limits.join(' and ')}, and ${why}`,
    { details: { missing: 'scope' } },
  )
}

function valueAt(input: unknown, path: string): unknown {
  let value: unknown = input
  for (const segment of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment))
      return undefined
    value = (value as Readonly<Record<string, unknown>>)[segment]
  }
  return value
}
