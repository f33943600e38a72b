import { textFile } from '../object-document.ts'
import { PythonFloat } from '../python-json.ts'
import type { Codec } from './codec.ts'
import { jsonArtifact, readJson } from './json-file.ts'
import { materializers } from './materializers.ts'
import { noValue } from './stored-files.ts'

/** What the scalar codec stores. */
export type Scalar = string | number | bigint | boolean | PythonFloat

/**
 * Python `str`, `int`, `float` and `bool`. Whole numbers and bigints are stored as `int`, others as
 * `float`; `float(1)` stores a whole number as `float`. Integers past 2^53 are read as bigints.
 */
export const scalarCodec: Codec<string | number | bigint | boolean, Scalar> = {
  name: 'text, number or boolean',
  materializers: [materializers.builtIn],
  accepts: (value) =>
    ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ||
    value instanceof PythonFloat,
  encode: (value) =>
    jsonArtifact(value, {
      className: `builtins.${pythonType(value)}`,
      materializer: materializers.builtIn,
    }),
  async decode(files, options) {
    const value = await readJson(files, textFile, options)
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'bigint':
      case 'boolean':
        return value
      default:
        throw noValue(files.object, 'text, number or boolean')
    }
  },
}

/** Marks a number to be stored as a Python `float` also when it is whole. */
export function float(value: number): PythonFloat {
  return new PythonFloat(value)
}

function pythonType(value: Scalar): 'str' | 'int' | 'float' | 'bool' {
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'int' : 'float'
}
