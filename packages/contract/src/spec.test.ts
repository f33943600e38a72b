import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { tasks } from './tasks/table.ts'
import type { Task } from './tasks/task.ts'

/*
 * The table against the specification of the Python service: `fixtures/service-tasks.json` holds its tasks
 * and models, as `tests/golden/make-fixtures.ts` shortened them. Both sides are brought to one plain form.
 */

type Json = Readonly<Record<string, unknown>>

interface SpecField {
  readonly schema: Json
  readonly required: boolean
  readonly default?: unknown
  readonly constraints?: Json
}

interface SpecModel {
  readonly kind: string
  readonly values?: readonly unknown[]
  readonly schema?: Json
  readonly fields?: Readonly<Record<string, SpecField>>
}

interface Spec {
  /** Name, input model, output model, whether it is an MCP tool; in the order of `endpoints`. */
  readonly tasks: readonly (readonly [string, string | null, string | null, boolean])[]
  readonly models: Readonly<Record<string, SpecModel>>
}

const fixture = new URL('./fixtures/service-tasks.json', import.meta.url)
const spec = JSON.parse(readFileSync(fixture, 'utf8')) as Spec

/** A type without names: what `type`, `enum`, `items` and bounds say, every reference followed. */
type Plain = Json

function specPlain(schema: Json): Plain {
  const ref = schema.$ref as string | undefined
  if (ref === undefined) return plain(schema, specPlain)
  const model = spec.models[ref.replace('#/models/', '')]
  if (model === undefined) throw new Error(`no model ${ref}`)
  if (model.fields !== undefined) return { fields: specFields(model.fields) }
  return model.values === undefined ? plain(model.schema ?? {}, specPlain) : { enum: model.values }
}

function specFields(fields: Readonly<Record<string, SpecField>>): Json {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      {
        type: specPlain(field.schema),
        // What is made at run time can't be the default of a model for the wire.
        ...(isGenerated(field) ? {} : { presence: presence(field.required, field) }),
      },
    ]),
  )
}

/** Whether a field must be sent, and what it is otherwise. */
function presence(required: boolean, field: { readonly default?: unknown }): Json {
  return required ? { required } : { default: field.default ?? null }
}

function isGenerated({ default: value }: { readonly default?: unknown }): boolean {
  return typeof value === 'string' && value.startsWith('generated:')
}

function ourPlain(schema: Json, definitions: Readonly<Record<string, Json>>): Plain {
  const follow = (inner: Json): Plain => ourPlain(inner, definitions)
  const ref = schema.$ref as string | undefined
  if (ref !== undefined) return follow(definitions[ref.replace('#/$defs/', '')] ?? {})
  const properties = schema.properties as Readonly<Record<string, Json>> | undefined
  if (properties === undefined) return plain(schema, follow)
  const required = (schema.required ?? []) as readonly string[]
  return {
    fields: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [
        name,
        {
          type: follow(property),
          presence: presence(required.includes(name), property),
        },
      ]),
    ),
  }
}

function plain(schema: Json, follow: (inner: Json) => Plain): Plain {
  if (Array.isArray(schema.type)) {
    const types = schema.type as readonly string[]
    return plain({ anyOf: types.map((type) => ({ ...schema, type })) }, follow)
  }
  const branches = schema.anyOf as readonly Json[] | undefined
  if (branches !== undefined) {
    const others = branches.filter(({ type }) => type !== 'null').map(follow)
    const nullable = others.length < branches.length ? { nullable: true } : {}
    return others.length === 1 ? { ...others[0], ...nullable } : { anyOf: others, ...nullable }
  }
  if (schema.const !== undefined) return { enum: [schema.const] }
  if (schema.enum !== undefined) return { enum: schema.enum }
  switch (schema.type) {
    case 'array':
      return { type: 'array', items: follow((schema.items ?? {}) as Json) }
    case 'object': {
      const values = schema.additionalProperties
      const isAny = typeof values !== 'object' || values === null
      return { type: 'object', values: isAny ? {} : follow(values as Json) }
    }
    case 'string':
      return {
        type: 'string',
        ...(schema.format === 'date-time' ? { format: 'date-time' } : {}),
        ...(schema.maxLength === undefined ? {} : { maxLength: schema.maxLength }),
      }
    case 'integer':
    case 'number':
      return { type: schema.type, ...bounds(schema) }
    default:
      return schema.type === undefined ? {} : { type: schema.type }
  }
}

function bounds(schema: Json): Json {
  const named = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']
  return Object.fromEntries(
    named.flatMap((name) => {
      const bound = schema[name]
      // Zod writes the bounds of safe integers, which the specification takes for granted.
      const says = typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER
      return says ? [[name, bound]] : []
    }),
  )
}

function ourModel(schema: z.ZodType): Plain {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // Times without a zone are read as well, so zod itself does not call them `date-time`.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema instanceof z.ZodISODateTime) jsonSchema.format = 'date-time'
    },
  })
  const { $defs = {}, ...whole } = json as Json & { $defs?: Record<string, Json> }
  return ourPlain(whole, $defs)
}

function nameOf(schema: z.ZodType | null): string | null {
  return schema === null ? null : (z.globalRegistry.get(schema)?.id ?? null)
}

test('the tasks are those of the service, in its order, with its models and MCP tools', () => {
  const table: Readonly<Record<string, Task>> = tasks
  const ours = Object.entries(table).map(([name, { input, output, mcp }]) => [
    name,
    nameOf(input),
    nameOf(output),
    mcp,
  ])
  expect(ours).toEqual(spec.tasks)
})

/** Fields by their paths, so that a difference names its place. */
function fieldsOf(
  model: Plain,
  path = '',
): Map<string, { readonly type: unknown; readonly presence?: unknown }> {
  const found = new Map<string, { readonly type: unknown; readonly presence?: unknown }>()
  const visit = (type: Plain, at: string, presence?: unknown) => {
    const { fields, items, values, ...rest } = type as {
      readonly fields?: Readonly<
        Record<string, { readonly type: Plain; readonly presence?: unknown }>
      >
      readonly items?: Plain
      readonly values?: Plain
    }
    const kind = fields === undefined ? rest : { ...rest, type: 'model' }
    found.set(at, { type: kind, ...(presence === undefined ? {} : { presence }) })
    if (items !== undefined) visit(items, `${at}[]`)
    if (values !== undefined) visit(values, `${at}{}`)
    for (const [name, field] of Object.entries(fields ?? {})) {
      visit(field.type, `${at}.${name}`, field.presence)
    }
  }
  visit(model, path)
  return found
}

const models = new Map<string, { readonly schema: z.ZodType; readonly use: 'input' | 'output' }>()
for (const { input, output } of Object.values(tasks) as Task[]) {
  if (output !== null) models.set(nameOf(output) as string, { schema: output, use: 'output' })
  if (input !== null) models.set(nameOf(input) as string, { schema: input, use: 'input' })
}

test.each([...models])('%s has the fields of its specification', (name, { schema, use }) => {
  const wanted = fieldsOf(specPlain({ $ref: `#/models/${name}` }))
  const ours = fieldsOf(ourModel(schema))
  for (const [path, field] of ours) {
    // Answers are always complete; `_id` is ignored in what is sent.
    const isFree =
      use === 'output' || path.endsWith('._id') || wanted.get(path)?.presence === undefined
    if (isFree) ours.set(path, { type: field.type })
    const spec = wanted.get(path)
    if (isFree && spec !== undefined) wanted.set(path, { type: spec.type })
  }
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(wanted))
})
