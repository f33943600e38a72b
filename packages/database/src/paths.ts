import { MindtraceError } from '@mindtrace/core'
import { z } from 'zod'

/** A value that a filter can compare with. Instants are ISO text, see `Instant` of `@mindtrace/core`. */
export type Scalar = string | number | boolean | null

/** What one element of an array is. `free` may be anything. */
export type ElementKind = 'string' | 'number' | 'boolean' | 'instant' | 'object' | 'free'

/** What the schema says of a path. `free` may be anything: it lies below a free-form record or a union. */
export type PathKind = ElementKind | 'array'

/**
 * A dotted path of a collection and what its schema says of it. A path that ends in `.*` below a map of
 * strings means its values: it behaves like an array of them, whose segments lead to the map.
 */
export interface Path {
  readonly text: string
  readonly segments: readonly string[]
  readonly kind: PathKind
  /** Whether a document may hold null there or nothing at all. */
  readonly nullable: boolean
  /** Of arrays only: what their elements are. */
  readonly element: ElementKind | undefined
  /** How many of the segments lead to a value that may be anything; all of them where the schema declares the path. */
  readonly declared: number
}

/** What the schema says of a value and of all that lies in it. */
export interface Shape {
  readonly kind: PathKind
  readonly nullable: boolean
  /** Of numbers: whether they are whole. */
  readonly whole: boolean
  /** Of objects: the declared fields. */
  readonly fields: ReadonlyMap<string, Shape>
  /** What the elements of an array or the values of a map are. */
  readonly of: Shape | undefined
}

const freeShape: Shape = {
  kind: 'free',
  nullable: true,
  whole: false,
  fields: new Map(),
  of: undefined,
}

/** The part of a JSON schema that decides about paths. */
interface SchemaNode {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, SchemaNode>>
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | SchemaNode
  readonly items?: SchemaNode | boolean
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
}

interface Resolved {
  readonly kind: PathKind
  readonly nullable: boolean
  readonly node: SchemaNode
}

const maxSegments = 8
const segmentForm = /^[^$."\\\p{Cc}][^."\\\p{Cc}]{0,127}$/u
const forbiddenSegments = new Set(['__proto__', 'constructor', 'prototype'])

function refused(path: string, reason: string): MindtraceError {
  return new MindtraceError('QUERY_NOT_SUPPORTED', `Path '${path.slice(0, 200)}' ${reason}`, {
    details: { path: path.slice(0, 200), reason },
  })
}

/**
 * Splits a dotted path into its one to eight segments.
 *
 * @throws {@link MindtraceError} `QUERY_NOT_SUPPORTED` for segments that are empty, longer than 128
 *   characters, begin with `$`, hold quotes or control characters, or name an object's prototype.
 */
function segmentsOf(text: string): readonly string[] {
  const segments = text.split('.', maxSegments + 1)
  if (segments.length > maxSegments) {
    throw refused(text, `has more than ${maxSegments} segments`)
  }
  for (const segment of segments) {
    if (!segmentForm.test(segment) || forbiddenSegments.has(segment)) {
      throw refused(text, `has the segment '${segment.slice(0, 64)}', which no path may hold`)
    }
  }
  return segments
}

/** The paths of one schema: read once, asked by every filter, sort and index. */
export class SchemaPaths {
  readonly #collection: string
  readonly #root: SchemaNode
  readonly #known = new Map<string, Path>()

  constructor(collection: string, schema: z.ZodType) {
    this.#collection = collection
    this.#root = z.toJSONSchema(schema, {
      io: 'output',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        // zod names the format only where a zone is required; an instant is one in any case.
        const { def } = zodSchema._zod
        if ('format' in def && def.format === 'datetime') jsonSchema.format = 'date-time'
      },
    }) as SchemaNode
  }

  /**
   * The path of that text.
   *
   * @throws {@link MindtraceError} `QUERY_NOT_SUPPORTED` when the schema has no such path.
   */
  path(text: string): Path {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const path = this.#resolve(text)
    // Free paths come from outside in any number: only those the schema declares are kept.
    if (path.kind !== 'free') this.#known.set(text, path)
    return path
  }

  /** The whole schema as a tree. What contains itself is free. */
  shape(): Shape {
    return this.#tree(this.#root, 0)
  }

  /** The paths of all declared instants that lie in objects only, not in arrays or records. */
  instants(): readonly (readonly string[])[] {
    const found: string[][] = []
    const visit = (node: SchemaNode, segments: string[]) => {
      const shape = this.#resolved(node)
      if (shape.kind === 'instant') found.push(segments)
      if (shape.kind !== 'object' || segments.length >= maxSegments) return
      for (const [name, child] of Object.entries(shape.node.properties ?? {})) {
        visit(child, [...segments, name])
      }
    }
    visit(this.#root, [])
    return found
  }

  #tree(node: SchemaNode, depth: number): Shape {
    const { kind, nullable, node: found } = this.#resolved(node)
    if (depth > maxSegments) return freeShape
    const fields = Object.entries(kind === 'object' ? (found.properties ?? {}) : {})
    const within = kind === 'array' ? found.items : found.additionalProperties
    const holds = (kind === 'array' || kind === 'object') && typeof within === 'object'
    return {
      kind,
      nullable,
      whole: found.type === 'integer',
      fields: new Map(fields.map(([name, child]) => [name, this.#tree(child, depth + 1)])),
      of: holds ? this.#tree(within, depth + 1) : undefined,
    }
  }

  #resolve(text: string): Path {
    if (text.endsWith('.*')) return this.#valuesOfMap(text)
    const { segments, shape, nullable, declared } = this.#follow(text)
    const { kind, node } = shape
    const element = kind === 'array' ? this.#element(node) : undefined
    return { text, segments, kind, nullable, element, declared }
  }

  #valuesOfMap(text: string): Path {
    const { segments, shape } = this.#follow(text.slice(0, -2))
    const { properties = {}, additionalProperties } = shape.node
    const isMap =
      shape.kind === 'object' &&
      Object.keys(properties).length === 0 &&
      typeof additionalProperties === 'object' &&
      this.#resolved(additionalProperties).kind === 'string'
    if (isMap) {
      const declared = segments.length
      return { text, segments, kind: 'array', nullable: true, element: 'string', declared }
    }
    throw refused(text, 'asks for the values of what is no map of strings')
  }

  #follow(text: string): {
    readonly segments: readonly string[]
    readonly shape: Resolved
    readonly nullable: boolean
    readonly declared: number
  } {
    const segments = segmentsOf(text)
    let shape = this.#resolved(this.#root)
    let nullable = false
    let declared = segments.length
    for (const [index, segment] of segments.entries()) {
      if (shape.kind === 'free') {
        nullable = true
        declared = index
        break
      }
      if (shape.kind === 'array') {
        throw refused(text, `goes through the array '${segments.slice(0, index).join('.')}'`)
      }
      const { properties = {}, required = [], additionalProperties } = shape.node
      if (shape.kind === 'object' && Object.hasOwn(properties, segment)) {
        nullable ||= !required.includes(segment)
        shape = this.#resolved(properties[segment] as SchemaNode)
      } else if (shape.kind === 'object' && (additionalProperties ?? false) !== false) {
        nullable = true
        shape = this.#resolved(
          additionalProperties === true ? {} : (additionalProperties as SchemaNode),
        )
      } else {
        throw refused(text, `does not exist in '${this.#collection}': check the field name`)
      }
      nullable ||= shape.nullable
    }
    return { segments, shape, nullable, declared }
  }

  #element(node: SchemaNode): ElementKind {
    if (typeof node.items !== 'object') return 'free'
    const { kind } = this.#resolved(node.items)
    return kind === 'array' ? 'free' : kind
  }

  #resolved(node: SchemaNode): Resolved {
    if (node.$ref !== undefined) return this.#resolved(this.#referred(node.$ref))
    const branches = node.anyOf ?? node.oneOf
    if (branches !== undefined) return this.#union(branches)
    if (node.allOf !== undefined) return { kind: 'free', nullable: true, node }
    if (Array.isArray(node.type)) {
      return this.#union(node.type.map((type: string): SchemaNode => ({ ...node, type })))
    }
    const type = node.type ?? typeOfValues(node)
    switch (type) {
      case 'string':
        return { kind: node.format === 'date-time' ? 'instant' : 'string', nullable: false, node }
      case 'number':
      case 'integer':
        return { kind: 'number', nullable: false, node }
      case 'boolean':
      case 'array':
      case 'object':
        return { kind: type, nullable: false, node }
      default:
        return { kind: 'free', nullable: true, node }
    }
  }

  /** A union of one kind and null is that kind; of several kinds, or of several objects, it is free. */
  #union(branches: readonly SchemaNode[]): Resolved {
    const isNull = (node: SchemaNode) => node.type === 'null' || node.const === null
    const shapes = branches.filter((node) => !isNull(node)).map((node) => this.#resolved(node))
    const nullable = shapes.length < branches.length || shapes.some((shape) => shape.nullable)
    const [first] = shapes
    const alike = first !== undefined && shapes.every((shape) => shape.kind === first.kind)
    if (alike && (shapes.length === 1 || !['object', 'array'].includes(first.kind))) {
      return { ...first, nullable }
    }
    return { kind: 'free', nullable, node: {} }
  }

  #referred(reference: string): SchemaNode {
    if (reference === '#') return this.#root
    return this.#root.$defs?.[reference.slice('#/$defs/'.length)] ?? {}
  }
}

function typeOfValues(node: SchemaNode): string | undefined {
  const values = node.enum ?? (node.const === undefined ? [] : [node.const])
  const types = new Set(values.map((value) => typeof value))
  return types.size === 1 ? [...types][0] : undefined
}

/** The value at a path of a document; undefined where there is none. */
export function valueAt(document: unknown, segments: readonly string[]): unknown {
  let value = document
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment))
      return undefined
    value = (value as Record<string, unknown>)[segment]
  }
  return value
}
