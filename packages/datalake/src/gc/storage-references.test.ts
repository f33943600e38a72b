import { expect, test } from 'vitest'
import { z } from 'zod'
import { lakeCollections } from '../records/records.ts'

/** Every path of a collection at which the name of a stored object can stand. */
function refsIn(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const found: string[] = []
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties') {
      for (const [name, inner] of Object.entries(value as object)) {
        const place = path === '' ? name : `${path}.${name}`
        if (/(?:^|_)ref$/.test(name)) found.push(place)
        else found.push(...refsIn(inner, place))
      }
    } else if (key !== '$defs' || path === '') found.push(...refsIn(value, path))
  }
  return found
}

// A collection that is new here refers to objects in a new way: `allReferredVersions` has to ask it.
test('all that the model can refer to objects with is asked for', () => {
  const refs = lakeCollections.flatMap(({ name, schema }) => {
    const json = z.toJSONSchema(schema as z.ZodType, { unrepresentable: 'any', io: 'output' })
    return refsIn(json, '').map((path) => `${name}: ${path}`)
  })
  expect([...new Set(refs)].toSorted()).toEqual([
    'datalake_assets: payload_storage_ref',
    'datalake_assets: storage_ref',
    'datalake_direct_upload_sessions: storage_ref',
  ])
})
