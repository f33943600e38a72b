import { MindtraceError } from '@mindtrace/core'
import * as z from 'zod'
import type { Artifact } from '../encoding.ts'
import { textFile } from '../object-document.ts'
import { parsePythonJson, printPythonJson } from '../python-json.ts'
import type { Codec, DecodeOptions, StoredFiles } from './codec.ts'
import { jsonArtifact, readJson } from './json-file.ts'
import { materializers } from './materializers.ts'
import { formatObject, noValue } from './stored-files.ts'

/** Pydantic models as plain objects, unchecked. Only read: writing needs a class, see {@link modelCodec}. */
export const plainModelCodec: Codec<unknown, never> = {
  name: 'pydantic model',
  materializers: [materializers.pydantic],
  accepts: () => false,
  encode(): Artifact {
    throw new MindtraceError('INVALID_INPUT', 'a model is stored by modelCodec(schema, className)')
  },
  decode: readModel,
}

/**
 * A pydantic model, and what it is here: a zod schema. Values are validated when they are stored and when
 * they are read.
 *
 * @param className where Python finds the model, such as `myapp.models.Camera`.
 * @throws its `encode` and `decode`: {@link MindtraceError} `VALIDATION_FAILED`; the message names the
 * first path that is wrong, `details.issues` has all of them.
 */
export function modelCodec<S extends z.ZodType>(schema: S, className: string): Codec<z.output<S>> {
  return {
    name: className,
    materializers: [materializers.pydantic],
    accepts: () => false,
    encode(value) {
      const result = encodeWith(schema, value, className)
      if (!result.success) throw invalid(`the ${className} to store`, result.error)
      const text = printPythonJson(result.data, { compact: true })
      return jsonArtifact(text, { className, materializer: materializers.pydantic })
    },
    async decode(files, options) {
      const result = schema.safeParse(await readModel(files, options))
      if (result.success) return result.data
      throw invalid(`'${formatObject(files.object)}', a ${files.object.className},`, result.error)
    },
  }
}

function encodeWith<S extends z.ZodType>(schema: S, value: z.output<S>, className: string) {
  try {
    return z.safeEncode(schema, value)
  } catch (cause) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `the schema of ${className} only reads: it has a transform without a way back; use z.codec`,
      { cause },
    )
  }
}

/** A model's file is a JSON text whose content is the model's JSON. @see registry.md 12.2 */
async function readModel(files: StoredFiles, options?: DecodeOptions): Promise<unknown> {
  const text = await readJson(files, textFile, options)
  if (typeof text !== 'string') throw noValue(files.object, 'pydantic model')
  try {
    return parsePythonJson(text)
  } catch (cause) {
    throw noValue(files.object, 'pydantic model', cause)
  }
}

function invalid(what: string, error: z.ZodError): MindtraceError {
  const [first] = error.issues
  const path = first?.path.map(String).join('.')
  const where = path ? ` at '${path}'` : ''
  return new MindtraceError(
    'VALIDATION_FAILED',
    `${what} does not fit its schema${where}: ${first?.message ?? 'unknown reason'}`,
    { cause: error, details: { issues: error.issues } },
  )
}
