export {
  formatApiKey,
  type KeyRecord,
  type LakeAccess,
  type Need,
  parseApiKey,
} from './access.ts'
export {
  allTasks,
  type DecodedPayload,
  findTask,
  isExtension,
  type ParsedInput,
  parse,
  parseInput,
  parseOutput,
  type StreamedPayload,
  type TaskCall,
  type TaskCallOptions,
  type TaskInput,
  type TaskName,
  type TaskOutput,
  taskPath,
} from './call.ts'
export {
  AssetArchiveInput,
  DatasetArchiveInput,
  ObjectArchiveInput,
} from './extensions/archives.ts'
export { AuditEntry, AuditListOutput, AuditOutcome } from './extensions/audit.ts'
export {
  DatasetStats,
  DatasetStatsInput,
  DatasetSummary,
  DatasetsListInput,
  DatasetsListOutput,
} from './extensions/datasets.ts'
export { DownloadResolveOutput } from './extensions/downloads.ts'
export { LakeGarbage, LakeGcInput, LakeGcOutput } from './extensions/gc.ts'
export {
  ApiKey,
  KeyRole,
  KeyScopes,
  KeysCreateInput,
  KeysCreateOutput,
  KeysListOutput,
} from './extensions/keys.ts'
export {
  facets,
  LakeCheckOutput,
  LakeFacetsInput,
  LakeFacetsOutput,
  LakeIssue,
  LakeStats,
  LakeVerifyInput,
  LakeVerifyOutput,
} from './extensions/lake.ts'
export { extensionTasks, type StreamRoute, streamRoutes } from './extensions/table.ts'
export {
  SignedPart,
  StoredPart,
  UploadBeginOutput,
  UploadPartLimits,
  UploadProgressOutput,
  UploadReconcileOutput,
  UploadStateOutput,
  UploadTicket,
} from './extensions/uploads.ts'
export { errorCodeHeader, httpStatus } from './http-status.ts'
export { decodeIngestFrames, encodeIngestFrames, ingestFramesType } from './ingest-frames.ts'
export {
  type ArchiveRead,
  type ByteRange,
  createLake,
  type IngestItem,
  type IngestPayload,
  type Lake,
  type LakeAdapter,
  type LakeStreams,
  type ObjectLocation,
  type PayloadRead,
  type ReadOptions,
  type TaskMethods,
  type WriteObject,
  type WrittenObject,
} from './lake.ts'
export {
  AnnotationKind,
  AnnotationLabelDefinition,
  AnnotationRecord,
  AnnotationSchema,
  AnnotationSet,
  AnnotationSource,
  AnnotationTaskType,
} from './model/annotations.ts'
export { Asset, AssetAlias, AssetRetention } from './model/assets.ts'
export { Collection, CollectionItem, ResolvedCollectionItem } from './model/collections.ts'
export { DatasetVersion, Datum, ResolvedDatasetVersion, ResolvedDatum } from './model/datasets.ts'
export {
  IngestAbandonInput,
  IngestAbandonOutput,
  IngestAnnotationSet,
  IngestAsset,
  IngestBeginInput,
  IngestCommitInput,
  IngestGroupResult,
  IngestPlanInput,
  IngestPlanOutput,
  IngestRecord,
  IngestSample,
  IngestSampleResult,
  IngestSchema,
  IngestSession,
  IngestSessionOutput,
  IngestState,
  InPlacePayload,
  Split,
} from './model/ingest.ts'
export {
  DatasetViewExpand,
  DatasetViewInfo,
  DatasetViewPage,
  DatasetViewRequest,
  DatasetViewRow,
  PageInfo,
  PageRequest,
  StructuredFilter,
} from './model/pages.ts'
export { instant, jsonObject, nullable } from './model/primitives.ts'
export {
  ReplicationBatchRequest,
  ReplicationBatchResult,
  ReplicationEntityKind,
  ReplicationHydratePolicy,
  ReplicationMode,
  ReplicationReclaimRequest,
  ReplicationReclaimResult,
  ReplicationReconcileRequest,
  ReplicationReconcileResult,
  ReplicationRule,
  ReplicationStatusResult,
  ReplicationTask,
  ReplicationTaskStatus,
} from './model/replication.ts'
export {
  ObjectPayloadDescriptor,
  PayloadStatus,
  qualifiedKey,
  StorageRef,
  SubjectRef,
} from './model/storage.ts'
export {
  DatasetImportSession,
  DatasetSyncBundle,
  DatasetSyncCommitResult,
  DatasetSyncImportPlan,
  DatasetSyncImportRequest,
  DatasetSyncPayloadPlan,
  DatasetSyncProgress,
  TargetObjectMatchPolicy,
  TransferPolicy,
} from './model/sync.ts'
export { DirectUploadSession } from './model/uploads.ts'
export { decodeRowLines, encodeRowLines, rowLinesType, type ToldError } from './row-lines.ts'
export {
  cursorAfter,
  deferredRows,
  type PlacedRow,
  parseRow,
  placedRows,
  type RowOf,
  type Rows,
  type RowsInput,
  type RowTask,
  rowTasks,
} from './rows.ts'
export { type ScopeRule, type ScopeSubject, streamScopes, taskScopes } from './scopes.ts'
export { ObjectUploadSessionOutput } from './tasks/objects.ts'
export { tasks } from './tasks/table.ts'
export type { Task, TaskModel } from './tasks/task.ts'
export type { LakeLoad, LakeVitals, PartState } from './vitals.ts'
