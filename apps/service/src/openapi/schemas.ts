import { instant } from '@mindtrace/contract'
import { z } from 'zod'
import { plainSchema } from '../plain-schema.ts'
import type { Json } from './json.ts'

/** What a schema is for. A field with a default may be left out of a request, and stands in every answer. */
export type Direction = 'request' | 'answer'

/** The place of a schema with an id. */
export const schemaPath = '#/components/schemas/'

/**
 * Gathers the schemas that operations refer to. A model that looks otherwise in requests than in answers gets two
 * places: `Asset` is what comes back, `AssetInput` what may be sent.
 */
export class SchemaBook {
  readonly #all: Readonly<Record<Direction, Readonly<Record<string, Json>>>> = {
    request: allSchemas('request'),
    answer: allSchemas('answer'),
  }
  readonly #used: Readonly<Record<Direction, Set<string>>> = {
    request: new Set(),
    answer: new Set(),
  }

  /** A reference to a model, or the schema itself where it has no id. */
  reference(schema: z.ZodType, direction: Direction): Json {
    const id = z.globalRegistry.get(schema)?.id
    if (id === undefined) {
      return tidy(z.toJSONSchema(schema, { io: io[direction] }), direction)
    }
    this.#use(id, direction)
    return { $ref: `${schemaPath}${id}`, [directionMark]: direction }
  }

  /** The document's parts with their references resolved to places, and those places. */
  resolve(parts: Json): { readonly parts: Json; readonly schemas: Json } {
    const split = this.#split()
    const nameOf = (id: string, direction: Direction) =>
      direction === 'request' && split.has(id) ? `${id}Input` : id
    const schemas: Record<string, Json> = {}
    for (const direction of ['request', 'answer'] as const) {
      for (const id of this.#used[direction]) {
        const name = nameOf(id, direction)
        if (split.has(id) && name !== id && this.#isTaken(name)) {
          throw new Error(`two models would be called ${name} in the OpenAPI document`)
        }
        schemas[name] = renamed(this.#all[direction][id] as Json, (one) => nameOf(one, direction))
      }
    }
    return {
      parts: renamed(parts, (id, direction) => nameOf(id, direction ?? 'answer')),
      schemas: sorted(schemas),
    }
  }

  #use(id: string, direction: Direction): void {
    if (this.#used[direction].has(id)) return
    this.#used[direction].add(id)
    for (const other of referencesIn(this.#all[direction][id])) this.#use(other, direction)
  }

  #isTaken(name: string): boolean {
    return this.#used.request.has(name) || this.#used.answer.has(name)
  }

  /** Ids of models that are sent and answered and are not the same in both, in themselves or in what they lead to. */
  #split(): ReadonlySet<string> {
    const both = [...this.#used.request].filter((id) => this.#used.answer.has(id))
    const text = (id: string, direction: Direction) => JSON.stringify(this.#all[direction][id])
    const split = new Set(both.filter((id) => text(id, 'request') !== text(id, 'answer')))
    for (let before = -1; before !== split.size; ) {
      before = split.size
      for (const id of both) {
        if (referencesIn(this.#all.request[id]).some((other) => split.has(other))) split.add(id)
      }
    }
    return split
  }
}

/** Stands beside a reference until it is known which of two places it leads to. */
const directionMark = 'x-direction'

const { pattern: instantPattern } = z.toJSONSchema(instant(), { io: 'input' })
const example = '2026-05-29T12:45:30.123Z'

/** Instants stand in most models: they have a place of their own. */
const instants: Readonly<Record<Direction, Readonly<Record<string, Json>>>> = {
  request: {
    InstantInput: {
      type: 'string',
      pattern: instantPattern,
      description: 'A time in ISO 8601, with any offset; without one it is UTC.',
      examples: [example],
    },
  },
  answer: {
    Instant: {
      type: 'string',
      format: 'date-time',
      description: 'A time in UTC, to the millisecond.',
      examples: [example],
    },
  },
}

function allSchemas(direction: Direction): Readonly<Record<string, Json>> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    io: io[direction],
    uri: (id) => `${schemaPath}${id}`,
  })
  const models = Object.entries(schemas).map(([id, schema]) => [id, tidy(schema, direction)])
  return { ...Object.fromEntries(models), ...instants[direction] }
}

const io = { request: 'input', answer: 'output' } as const

/** Without what says nothing; whatever an answer gains later must not break who reads it. */
function tidy(schema: object, direction: Direction): Json {
  return tidied(plainSchema(schema as Json, { keepIds: direction === 'answer' }), direction) as Json
}

function tidied(value: unknown, direction: Direction): unknown {
  if (Array.isArray(value)) return value.map((item) => tidied(item, direction))
  if (typeof value !== 'object' || value === null) return value
  const { pattern, type, default: fallback, ...rest } = value as Record<string, unknown>
  const schema = Object.entries(rest).flatMap(([key, part]): [string, unknown][] => {
    if (key === 'enum' || key === 'const') return [[key, part]]
    if (key === 'additionalProperties' && part === false) return []
    if (key === 'propertyNames' && JSON.stringify(part) === '{"type":"string"}') return []
    if (key === 'required' && (part as unknown[]).length === 0) return []
    return [
      [key, key === 'properties' ? eachTidied(part as Json, direction) : tidied(part, direction)],
    ]
  })
  const kind =
    pattern === instantPattern
      ? { $ref: `${schemaPath}${Object.keys(instants[direction])[0]}` }
      : { ...(type === undefined ? {} : { type }), ...(pattern === undefined ? {} : { pattern }) }
  return { ...kind, ...Object.fromEntries(schema), ...told(fallback, direction) }
}

function eachTidied(properties: Json, direction: Direction): Json {
  const entries = Object.entries(properties)
  return Object.fromEntries(entries.map(([name, schema]) => [name, tidied(schema, direction)]))
}

/**
 * Defaults are told in words. Generators take a field that has one for one that is always there, which is so in
 * answers, where it stands among the required, and is not so in requests.
 */
function told(fallback: unknown, direction: Direction): Json {
  if (direction === 'answer' || fallback === undefined || fallback === null) return {}
  return { description: `Default: \`${JSON.stringify(fallback)}\`.` }
}

function referencesIn(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, id]) => id as string,
  )
}

type NameOf = (id: string, direction: Direction | undefined) => string

function renamed(value: Json, nameOf: NameOf): Json {
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null) return part
    const { $ref, [directionMark]: direction, ...rest } = part as Record<string, unknown>
    if (typeof $ref !== 'string' || !$ref.startsWith(schemaPath)) return part
    const id = $ref.slice(schemaPath.length)
    return { ...rest, $ref: schemaPath + nameOf(id, direction as Direction | undefined) }
  }) as Json
}

function sorted(schemas: Json): Json {
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
}
