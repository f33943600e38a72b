import { builtInMaterializer, bytesMaterializer } from '../object-document.ts'

const registry = 'mindtrace.registry.archivers'

/**
 * The reference's materializers that codecs read.
 *
 * @see registry.md 12.2
 */
export const materializers = {
  bytes: bytesMaterializer,
  builtIn: builtInMaterializer,
  container: `${registry}.builtin_materializers.BuiltInContainerMaterializer`,
  pydantic: `${registry}.builtin_materializers.PydanticMaterializer`,
  path: `${registry}.path_archiver.PathArchiver`,
  config: `${registry}.config_archiver.ConfigArchiver`,
  image: `${registry}.integration_materializers.PillowImageMaterializer`,
  array: `${registry}.integration_materializers.NumpyMaterializer`,
} as const

// Kinds whose files only Python code can make sense of, or only libraries that are not loaded here.
const unreadable: Readonly<Record<string, string>> = {
  CloudpickleMaterializer: 'pickled Python code',
  PyTorchModuleMaterializer: 'a pickled PyTorch module',
  PyTorchDataLoaderMaterializer: 'a pickled PyTorch data set',
  HFDatasetMaterializer: 'a Hugging Face data set folder',
  OnnxModelArchiver: 'an ONNX model',
  YoloArchiver: 'a pickled YOLO model',
  YoloEArchiver: 'a pickled YOLOE model',
  SamArchiver: 'a pickled SAM model',
  HuggingFaceModelArchiver: 'a Hugging Face model',
  HuggingFaceProcessorArchiver: 'a Hugging Face processor',
  TimmModelArchiver: 'a pickled timm model',
}

/** What an object of a materializer without a codec holds, for messages. */
export function contentOf(materializer: string): string {
  return unreadable[materializer.split('.').at(-1) ?? ''] ?? 'something only that class can read'
}
