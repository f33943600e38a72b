import { expect, test } from 'vitest'
import * as datalake from './index.ts'
import * as testing from './testing/index.ts'

test('exports these names and no others', () => {
  expect(Object.keys(datalake).toSorted()).toMatchInlineSnapshot(`
    [
      "LakeConfig",
      "backUpLake",
      "copyRecords",
      "lakeCache",
      "lakeCollections",
      "mountFolder",
      "openLake",
      "openLakeDatabase",
      "openLocalLake",
      "parseLakeConfig",
    ]
  `)
  expect(Object.keys(testing).toSorted()).toMatchInlineSnapshot(`
    [
      "describeAppendedUploads",
      "describeLake",
      "describeUploads",
      "inLakeOf",
      "openFolderLake",
      "openMemoryLake",
    ]
  `)
})
