import { expect, test } from 'vitest'
import * as mongo from './drivers/mongo/index.ts'
import * as sqlite from './drivers/sqlite/index.ts'
import * as database from './index.ts'
import * as testing from './testing/index.ts'

test('exports these names and no others', () => {
  expect(Object.keys(database).toSorted()).toMatchInlineSnapshot(`
    [
      "ParsedFilter",
      "defineCollection",
      "keysetOf",
      "maxDocumentBytes",
      "maxKeyBytes",
      "objectIdOf",
      "parseFilter",
      "tracedDatabase",
      "valueAt",
    ]
  `)
  expect(Object.keys(sqlite).toSorted()).toMatchInlineSnapshot(`
    [
      "openSqliteDatabase",
      "sqlitePathOf",
    ]
  `)
  expect(Object.keys(mongo).toSorted()).toMatchInlineSnapshot(`
    [
      "openMongoDatabase",
    ]
  `)
  expect(Object.keys(testing).toSorted()).toMatchInlineSnapshot(`
    [
      "describeDatabase",
      "failingDatabase",
      "mongoPlace",
    ]
  `)
})
