export { type Finding, type FindingCode, type FindingLevel, findingCodes } from './finding.ts'
export type { ImportCounts, ImportError, ImportReport } from './import/import-report.ts'
export {
  type FilesInPlace,
  type ImportOptions,
  type ImportProgress,
  runImport,
} from './import/run-import.ts'
export type {
  ImportSource,
  SourceEvent,
  SourceProblem,
  SourceSample,
} from './sample-source.ts'
