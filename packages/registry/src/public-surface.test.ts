import { expect, it } from 'vitest'
import * as arrow from './codecs/arrow/index.ts'
import * as image from './codecs/image/index.ts'
import * as codecs from './codecs/index.ts'
import * as parquet from './codecs/parquet/index.ts'
import * as registry from './index.ts'
import * as local from './mounts/local/index.ts'
import * as memory from './mounts/memory/index.ts'
import * as testing from './testing/index.ts'

it('exports what was decided, and nothing else', () => {
  const surface = { registry, local, memory, testing, codecs, arrow, image, parquet }
  const names = Object.entries(surface).map(([subpath, module]) => [
    subpath,
    Object.keys(module).sort(),
  ])
  expect(Object.fromEntries(names)).toMatchInlineSnapshot(`
    {
      "arrow": [
        "ArrowBatches",
        "arrowCodec",
      ],
      "codecs": [
        "NamedFile",
        "NdArray",
        "PngImage",
        "StoredConfig",
        "StoredFile",
        "StoredFolder",
        "bytesCodec",
        "codecs",
        "configCodec",
        "containerCodec",
        "filesOf",
        "float",
        "load",
        "mapCodec",
        "modelCodec",
        "npyCodec",
        "openFiles",
        "pathCodec",
        "plainModelCodec",
        "pngCodec",
        "save",
        "scalarCodec",
        "tupleCodec",
      ],
      "image": [
        "imageCodec",
        "readPixels",
        "writePng",
      ],
      "local": [
        "LocalMount",
        "openLocalMount",
      ],
      "memory": [
        "MemoryMount",
        "MemoryObjectMount",
        "openMemoryMount",
      ],
      "parquet": [
        "ParquetBatches",
        "parquetCodec",
        "parquetColumns",
      ],
      "registry": [
        "PayloadCache",
        "Store",
        "checkKey",
        "checkObjectName",
        "compareKeys",
        "defaultCacheBytes",
        "isFileMount",
        "isObjectMount",
        "observedMount",
        "openMount",
        "openRegistry",
        "parseMountUrl",
        "parseVersion",
        "refuseUnknownParameters",
      ],
      "testing": [
        "aPutItem",
        "chaosMount",
        "describeMount",
        "describeRegistry",
        "someBytes",
        "someStream",
      ],
    }
  `)
})
