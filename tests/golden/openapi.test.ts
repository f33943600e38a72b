import { readFile } from 'node:fs/promises'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { openLocalLake } from '@mindtrace/datalake'
import { openRegistry, Store } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { createApp } from '@mindtrace/service'
import { beforeAll, describe, expect, test } from 'vitest'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content } | undefined>>
}

interface Content {
  readonly 'application/json'?: { readonly schema: Json }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

const fixture = new URL('../fixtures/golden-openapi.json', import.meta.url)
const theirs = JSON.parse(await readFile(fixture, 'utf8')) as Document

/**
 * Where ours differs on purpose: a stored document that is sent has an id and times of its own, which the reference
 * would make up.
 */
const ofStored =
  /request\.(?:bundle|items|assets|datums|annotation_).*\.(?:\w+_id|(?:created|updated|added)_at)$/

let ours: Document
beforeAll(async () => {
  await using lake = await openLocalLake({
    database: await openSqliteDatabase({ path: ':memory:' }),
    store: new Store({ main: await openRegistry(new MemoryMount()) }),
    settings: { databaseName: 'none' },
  })
  const serverInfo = { serverId: 'none', pidFile: 'none', version: '0.0.0' }
  const response = await createApp({ lake, serverInfo }).request('/openapi.json')
  ours = (await response.json()) as Document
})

/** What is said of every place in a schema: its type in plain words, whether it must be there, and its default. */
function placesOf(document: Document, schema: Json, isRequest: boolean): Map<string, string> {
  const places = new Map<string, string>()
  const visit = (value: Json, at: string, about: string, within: readonly Json[]) => {
    const { types, schema: whole } = resolved(document, value)
    places.set(at, `${about}${types.join(' | ')}`)
    if (within.includes(whole)) return
    const inside = [...within, whole]
    for (const part of [whole, ...alternatives(document, whole)]) {
      const required = (part.required ?? []) as readonly string[]
      for (const [name, property] of Object.entries((part.properties ?? {}) as Json)) {
        const inner = property as Json
        const presence = isRequest ? presenceOf(inner, required.includes(name)) : ''
        visit(inner, `${at}.${name}`, presence, inside)
      }
      if (part.items !== undefined) visit(part.items as Json, `${at}[]`, '', inside)
      const values = part.additionalProperties
      if (typeof values === 'object' && values !== null && Object.keys(values).length > 0) {
        visit(values as Json, `${at}{}`, '', inside)
      }
    }
  }
  visit(schema, '', '', [])
  return places
}

/** Required, or with which default: null is that of whatever may be null, and a made one is not in the reference's document. */
function presenceOf(property: Json, required: boolean): string {
  if (required) return 'required '
  const told = /Default: `(.*)`/.exec(String(property.description ?? ''))?.[1]
  const value =
    told ?? (property.default === undefined ? undefined : JSON.stringify(property.default))
  return value === undefined || value === 'null' || /^(\{\}|\[\])$/.test(value)
    ? ''
    : `default ${value} `
}

function alternatives(document: Document, { anyOf = [] }: Json): Json[] {
  return (anyOf as readonly Json[]).map((one) => resolved(document, one).schema)
}

function resolved(
  document: Document,
  schema: Json,
): { readonly types: readonly string[]; readonly schema: Json } {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.replace('#/components/schemas/', '')
    return resolved(document, document.components.schemas[name] as Json)
  }
  const { anyOf, allOf } = schema as { anyOf?: readonly Json[]; allOf?: readonly Json[] }
  if (allOf?.length === 1) return resolved(document, allOf[0] as Json)
  if (anyOf !== undefined) {
    const types = anyOf.flatMap((one) => resolved(document, one).types)
    const others = anyOf.filter(({ type }) => type !== 'null')
    const [only] = others
    const whole =
      others.length === 1 && only !== undefined ? resolved(document, only).schema : schema
    return { types: [...new Set(types)].sort(), schema: whole }
  }
  const { type } = schema as { type?: string | readonly string[] }
  const types = (Array.isArray(type) ? type : [type ?? 'any']).map((one) => worded(one, schema))
  return { types: types.sort(), schema }
}

function worded(type: string, schema: Json): string {
  if (type === 'null') return type
  if (schema.const !== undefined) return JSON.stringify([schema.const])
  if (schema.enum !== undefined) return JSON.stringify(schema.enum)
  const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].flatMap((name) => {
    const bound = schema[name]
    // The bounds of safe integers go without saying.
    return typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER
      ? [`${name} ${bound}`]
      : []
  })
  return [type, ...bounds].join(' ')
}

function schemaOf(content: Content | undefined): Json | undefined {
  const schema = content?.['application/json']?.schema
  return schema === undefined || Object.keys(schema).length === 0 ? undefined : schema
}

/** What our document says otherwise, a line each. */
function differences(path: string, what: 'request' | 'answer'): string[] {
  const [their, our] = [theirs, ours].map((document) => {
    const operation = document.paths[path]?.post as Operation
    const content =
      what === 'request' ? operation.requestBody?.content : operation.responses[200]?.content
    const schema = schemaOf(content)
    return schema === undefined ? undefined : placesOf(document, schema, what === 'request')
  })
  if (their === undefined) return []
  return [...their].flatMap(([at, said]) => {
    const place = `${path} ${what}${at}`
    const given = our?.get(at)
    if (given === said || (given === `required ${said}` && ofStored.test(place))) return []
    return [`${place}: ${said} is ${given ?? 'not there'}`]
  })
}

const paths = Object.keys(theirs.paths)

test('the reference describes its 116 tasks, each a POST', () => {
  expect(paths).toHaveLength(116)
  for (const operations of Object.values(theirs.paths))
    expect(Object.keys(operations)).toEqual(['post'])
})

describe('our document has', () => {
  test.each(paths)('%s with every property of its request and its answer', (path) => {
    expect(ours.paths[path]).toHaveProperty('post')
    expect([...differences(path, 'request'), ...differences(path, 'answer')]).toEqual([])
  })

  test('the 422 of every task that takes an input', () => {
    const without = paths.filter((path) => {
      const has422 = (operation: Operation | undefined) => operation?.responses[422] !== undefined
      return has422(theirs.paths[path]?.post) && !has422(ours.paths[path]?.post)
    })
    expect(without).toEqual([])
  })
})
