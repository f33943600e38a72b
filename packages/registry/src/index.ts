export {
  type CacheUsage,
  defaultCacheBytes,
  PayloadCache,
  type PayloadCacheOptions,
} from './cache/payload-cache.ts'
export type { ContentHashForm } from './content-hash.ts'
export type {
  CommitOptions,
  DirectUploads,
  StagedTarget,
  StagedUpload,
  UploadTarget,
} from './direct-uploads.ts'
export type { Artifact, ArtifactFile, Storable } from './encoding.ts'
export type { Garbage } from './layouts/layout.ts'
export {
  type ByteRange,
  type CopyOptions,
  type Durability,
  type FileMount,
  type FolderEntry,
  isFileMount,
  isObjectMount,
  type Mount,
  type MountCapabilities,
  type MountLock,
  type MountObject,
  type MountRead,
  type ObjectMount,
  type ObjectWriteOptions,
  type PartLimits,
  type PartsUpload,
  type Publication,
  type ReadOptions,
  type SignedRequest,
  type SignOptions,
  type StagedBytes,
  type StageOptions,
  type StorePlace,
  type UploadedPart,
  type WriteOptions,
  type Written,
} from './mount.ts'
export { checkKey, compareKeys } from './mount-key.ts'
export {
  type MountOpener,
  type MountUrl,
  type OpenMountOptions,
  openMount,
  parseMountUrl,
  refuseUnknownParameters,
} from './mount-url.ts'
export { checkObjectName } from './object-name.ts'
export type { ExpectedBytes, OnConflict } from './object-writer.ts'
export { type MountObserver, type MountTraffic, observedMount } from './observed-mount.ts'
export {
  type CopyFromOptions,
  type OpenedObject,
  type OpenOptions,
  openRegistry,
  type PutItem,
  type PutOptions,
  type PutOutcome,
  type Registry,
  type RegistryOptions,
  type StoredObject,
} from './registry.ts'
export type { RegistrySettings } from './registry-settings.ts'
export {
  type MountDescription,
  type ResolvedRef,
  type StorageRef,
  Store,
  type StoreKey,
} from './store.ts'
export { parseVersion } from './version.ts'
