type Json = Readonly<Record<string, unknown>>

/**
 * A JSON schema without the keys of a schema that stands alone, the bounds that every integer of ours has, and the
 * duty to send `_id`: anything is taken for it, nothing as well. Answers always hold it: `keepIds` leaves it there.
 */
export function plainSchema(schema: Json, options: { readonly keepIds?: boolean } = {}): Json {
  const { $schema: _schema, $id: _id, ...rest } = schema
  return JSON.parse(JSON.stringify(rest), (key, value: unknown) => {
    if (key === 'minimum' && value === Number.MIN_SAFE_INTEGER) return undefined
    if (key === 'maximum' && value === Number.MAX_SAFE_INTEGER) return undefined
    if (options.keepIds !== true && key === 'required' && Array.isArray(value)) {
      return value.filter((name) => name !== '_id')
    }
    return value
  })
}
