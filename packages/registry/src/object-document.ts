import { MindtraceError } from '@mindtrace/core'
import * as z from 'zod'
import { parsePythonJson, printPythonJson } from './python-json.ts'
import { parsePythonYaml, printPythonYaml } from './python-yaml.ts'

const builtins = 'mindtrace.registry.archivers.builtin_materializers'
const integrations = 'mindtrace.registry.archivers.integration_materializers'

/** How the reference stores `bytes`: one file of that name, the bytes as they are. */
export const bytesMaterializer = `${builtins}.BytesMaterializer`
/** The one file of a `bytes` object. */
export const bytesFile = 'data.txt'
/** How the reference stores `str`, `int`, `float` and `bool`: as JSON. */
export const builtInMaterializer = `${builtins}.BuiltInMaterializer`
/** The one file of such an object. */
export const textFile = 'data.json'

// @see registry.md 12.4: names that older writers left; never written again.
const legacyMaterializers: Readonly<Record<string, string>> = {
  'zenml.materializers.bytes_materializer.BytesMaterializer': bytesMaterializer,
  'zenml.materializers.BytesMaterializer': bytesMaterializer,
  'zenml.materializers.built_in_materializer.BuiltInMaterializer': builtInMaterializer,
  'zenml.materializers.BuiltInMaterializer': builtInMaterializer,
  'zenml.materializers.built_in_materializer.BuiltInContainerMaterializer': `${builtins}.BuiltInContainerMaterializer`,
  'zenml.materializers.BuiltInContainerMaterializer': `${builtins}.BuiltInContainerMaterializer`,
  'zenml.materializers.pydantic_materializer.PydanticMaterializer': `${builtins}.PydanticMaterializer`,
  'zenml.materializers.PydanticMaterializer': `${builtins}.PydanticMaterializer`,
  'zenml.materializers.cloudpickle_materializer.CloudpickleMaterializer': `${builtins}.CloudpickleMaterializer`,
  'zenml.materializers.CloudpickleMaterializer': `${builtins}.CloudpickleMaterializer`,
  'zenml.integrations.numpy.materializers.numpy_materializer.NumpyMaterializer': `${integrations}.NumpyMaterializer`,
  'zenml.integrations.pillow.materializers.pillow_image_materializer.PillowImageMaterializer': `${integrations}.PillowImageMaterializer`,
  'zenml.integrations.pytorch.materializers.pytorch_module_materializer.PyTorchModuleMaterializer': `${integrations}.PyTorchModuleMaterializer`,
  'zenml.integrations.pytorch.materializers.pytorch_dataloader_materializer.PyTorchDataLoaderMaterializer': `${integrations}.PyTorchDataLoaderMaterializer`,
  'zenml.integrations.huggingface.materializers.huggingface_datasets_materializer.HFDatasetMaterializer': `${integrations}.HFDatasetMaterializer`,
  'zenml.integrations.huggingface.materializers.huggingface_pt_model_materializer.HFPTModelMaterializer':
    'mindtrace.models.archivers.huggingface.hf_model_archiver.HuggingFaceModelArchiver',
}

const Metadata = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((map) => map ?? {})

/** What an overwrite is about to become; see {@link ObjectDocument}. */
const Pending = z.looseObject({ hash: z.string().optional(), sha256: z.string().optional() })

/**
 * The document of one object version; the object exists if and only if it does. `size_bytes`, `sha256`,
 * `content_type` and `_ts` are ours and ignored by Python; `_ts.next` is the document that replaces this
 * one once the payload has `_ts.next.sha256`, or at once when its files lie complete in the folder
 * `_ts.parked`, so an interrupted overwrite can be finished.
 *
 * @see registry.md 7 and 25.3
 */
export const ObjectDocument = z.looseObject({
  class: z.string(),
  materializer: z.string().transform((name) => legacyMaterializers[name] ?? name),
  init_params: Metadata,
  metadata: Metadata,
  hash: z.string().optional(),
  _files: z.array(z.string()).optional(),
  path: z.string().optional(),
  size_bytes: z.number().optional(),
  sha256: z.string().optional(),
  content_type: z.string().optional(),
  _ts: z.looseObject({ next: Pending.optional(), parked: z.string().optional() }).optional(),
  /** Object stores only: the folder of this write. @see registry.md 7.1 */
  _storage: z.looseObject({ uuid: z.string() }).optional(),
})
export type ObjectDocument = z.infer<typeof ObjectDocument>

/** The document as the local layout keeps it. */
export function printObjectDocument(document: ObjectDocument): string {
  return printPythonYaml(document)
}

/**
 * Reads a local document. Undefined for an empty one: a Python writer truncates before it writes.
 *
 * @throws {@link MindtraceError} `CORRUPT` when it is no object document.
 */
export function parseObjectDocument(text: string, where: string): ObjectDocument | undefined {
  if (text.trim() === '') return undefined
  try {
    return ObjectDocument.parse(parseFlat(text) ?? parsePythonYaml(text))
  } catch (cause) {
    throw noDocument(where, cause)
  }
}

function noDocument(where: string, cause: unknown): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `'${where}' is no object document; restore it or delete the object`,
    { cause, details: { key: where } },
  )
}

/** The document as it is kept in an object store, with the reference's order of keys. */
export function printRemoteDocument(document: ObjectDocument): string {
  const {
    class: name,
    materializer,
    init_params,
    metadata,
    hash,
    _files,
    path,
    _storage,
    ...ours
  } = document
  return printPythonJson({
    class: name,
    materializer,
    init_params,
    metadata,
    hash,
    _files,
    path,
    _storage,
    ...ours,
  })
}

/**
 * Reads a document of an object store. Python writes `NaN` and `Infinity` as they are, which JSON has not.
 *
 * @throws {@link MindtraceError} `CORRUPT` when it is no object document.
 */
export function parseRemoteDocument(text: string, where: string): ObjectDocument {
  try {
    return ObjectDocument.parse(parsePythonJson(text))
  } catch (cause) {
    throw noDocument(where, cause)
  }
}

const plainKeys = new Set(['class', 'hash', 'materializer', 'path', 'sha256', 'content_type'])
const plainText = /^[A-Za-z/][A-Za-z0-9_./:+-]*(?: [A-Za-z0-9_./+-]+)*$|^[0-9a-f]{64}$/
const couldBeOtherType = /^(?:[-+.0-9_:]+|[0-9]+[eE][0-9]+|yes|no|true|false|on|off|null)$/i

/**
 * The documents that hold a payload and no metadata of its own are nearly all there are, and flat: read
 * without the YAML library they cost a fiftieth. Undefined for any line that is not certain.
 */
function parseFlat(text: string): Record<string, unknown> | undefined {
  const map: Record<string, unknown> = {}
  let files: string[] | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('- ') && files !== undefined) {
      const file = line.slice(2)
      if (!isCertainText(file)) return undefined
      files.push(file)
      continue
    }
    const colon = line.indexOf(':')
    const key = line.slice(0, colon)
    const value = line.slice(colon + 2)
    files = undefined
    if (line === '_files:') {
      files = []
      map._files = files
    } else if (line === 'metadata: {}' || line === 'init_params: {}') map[key] = {}
    else if (key === 'size_bytes' && /^(?:0|[1-9]\d{0,14})$/.test(value)) map[key] = Number(value)
    else if (plainKeys.has(key) && isCertainText(value)) map[key] = value
    else return undefined
  }
  return map
}

function isCertainText(value: string): boolean {
  return plainText.test(value) && !value.endsWith(':') && !couldBeOtherType.test(value)
}
