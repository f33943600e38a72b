import { isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction } from './records/records.ts'
import { notFound } from './records/references.ts'
import { checkChanges, setFields } from './records/update.ts'

/** Annotation schemas: named, versioned contracts for annotation records. */
export function annotationSchemaHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).annotationSchemas
  return {
    'annotation_schemas.create': async (input, options) => {
      checkLabels(input.labels ?? [])
      const now = clock.now()
      const annotation_schema = await naming(input, () =>
        records.annotationSchemas.insert(
          {
            annotation_schema_id: newId('annotation_schema'),
            name: input.name,
            version: input.version,
            task_type: input.task_type as 'detection',
            allowed_annotation_kinds: input.allowed_annotation_kinds as 'bbox'[],
            labels: (input.labels ?? []) as { name: string }[],
            allow_scores: input.allow_scores,
            required_attributes: input.required_attributes ?? [],
            optional_attributes: input.optional_attributes ?? [],
            allow_additional_attributes: input.allow_additional_attributes,
            metadata: input.metadata ?? {},
            created_at: now,
            created_by: input.created_by,
            updated_at: now,
          },
          options,
        ),
      )
      return { annotation_schema }
    },
    'annotation_schemas.get': async ({ id }, options) => ({
      annotation_schema: await records.annotationSchemas.get(id, options),
    }),
    'annotation_schemas.get_by_name_version': async ({ name, version }, options) => {
      const annotation_schema = await records.annotationSchemas.findOne({ name, version }, options)
      if (annotation_schema === undefined) {
        throw notFound('Annotation schema', 'name and version', [`${name}@${version}`])
      }
      return { annotation_schema }
    },
    'annotation_schemas.list': async ({ filters }, options) => ({
      annotation_schemas: await listAll(parts, listing, filters, options),
    }),
    'annotation_schemas.list_page': (input, options) => listPage(parts, listing, input, options),
    'annotation_schemas.update': async ({ annotation_schema_id, changes }, options) => {
      const mutable = [
        'name',
        'version',
        'task_type',
        'allowed_annotation_kinds',
        'labels',
        'allow_scores',
        'required_attributes',
        'optional_attributes',
        'allow_additional_attributes',
        'metadata',
      ] as const
      const checked = checkChanges(definitions.annotationSchemas, mutable, changes)
      if (checked.labels !== undefined) checkLabels(checked.labels)
      const annotation_schema = await naming(changes, () =>
        setFields(parts, records.annotationSchemas, annotation_schema_id, checked, options),
      )
      return { annotation_schema }
    },
    'annotation_schemas.delete': async ({ id }, options) => {
      await inTransaction(
        parts.database,
        async (tx) => {
          const { name, version } = await tx.annotationSchemas.get(id, {
            fields: ['name', 'version'],
          })
          const users = await tx.annotationSets.count({ annotation_schema_id: id })
          if (users > 0) {
            throw new MindtraceError(
              'CONFLICT',
              `Annotation schema '${name}@${version}' is in use by ${users} annotation set(s); detach them first`,
              { details: { annotation_schema_id: id, annotation_sets: users } },
            )
          }
          await tx.annotationSchemas.delete(id)
        },
        options,
      )
      return null
    },
  } satisfies Handlers
}

/** Two labels of one name or one id could not be told apart. */
function checkLabels(labels: readonly Readonly<Record<string, unknown>>[]): void {
  for (const field of ['name', 'id'] as const) {
    const seen = new Set<unknown>()
    for (const value of labels.map((label) => label[field])) {
      if (value === null || value === undefined) continue
      if (seen.has(value)) {
        throw new MindtraceError(
          'INVALID_INPUT',
          `two labels have the ${field} '${String(value)}'`,
          {
            details: { field, value },
          },
        )
      }
      seen.add(value)
    }
  }
}

/** Says which name and version is taken, instead of which index. */
async function naming<R>(
  schema: { readonly name?: unknown; readonly version?: unknown },
  write: () => Promise<R>,
): Promise<R> {
  try {
    return await write()
  } catch (error) {
    if (!isMindtraceError(error, 'DUPLICATE')) throw error
    const { name = '…', version = '…' } = schema
    throw new MindtraceError(
      'DUPLICATE',
      `Annotation schema '${String(name)}@${String(version)}' already exists`,
      { cause: error, details: error.details },
    )
  }
}
