import { auditTasks } from './audit.ts'
import { datasetTasks } from './datasets.ts'
import { downloadTasks } from './downloads.ts'
import { gcTasks } from './gc.ts'
import { ingestTasks } from './ingest.ts'
import { keyTasks } from './keys.ts'
import { lakeTasks } from './lake.ts'
import { uploadTasks } from './uploads.ts'

/** Tasks of ours beside the Python service's: served as `POST /v1/<name>`, listed by `GET /v1/extensions`. */
export const extensionTasks = {
  ...datasetTasks,
  ...keyTasks,
  ...auditTasks,
  ...lakeTasks,
  ...gcTasks,
  ...ingestTasks,
  ...uploadTasks,
  ...downloadTasks,
} as const

/** A route whose body or answer is bytes, which JSON can't carry. */
export interface StreamRoute {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  /** A path with `{name}` parameters; `{name+}` may hold slashes. */
  readonly path: string
  readonly summary: string
}

/** The streamed routes, by the name of the {@link LakeStreams} method they serve. */
export const streamRoutes = {
  readAsset: {
    method: 'GET',
    path: '/v1/assets/{asset_id}/payload',
    summary:
      "Streams an asset's bytes. Honours Range, If-None-Match and If-Range; HEAD answers the headers.",
  },
  readObject: {
    method: 'GET',
    path: '/v1/objects/{mount}/{name+}',
    summary: 'Streams the bytes of a stored object; `?version=` chooses the version.',
  },
  writeObject: {
    method: 'PUT',
    path: '/v1/objects/{mount}/{name+}',
    summary:
      'Stores the body as an object, hashing it on the way; `?version=` and `?on_conflict=` as objects.put.',
  },
  ingestGroup: {
    method: 'POST',
    path: '/v1/ingest/{session_id}/groups',
    summary: 'Writes a group of samples with their payloads: frames as described in ingest-frames.',
  },
  rows: {
    method: 'POST',
    path: '/v1/rows/{task}',
    summary:
      'Streams every row that the pages of a task would hold, a JSON object a line; the last line is `{"$end":…}`, or `{"$error":…}` where it broke off.',
  },
  archiveDataset: {
    method: 'GET',
    path: '/v1/archives/dataset',
    summary:
      'A dataset version as a tar archive: its records as JSON, its payloads beside them, in the order of the manifest.',
  },
  archiveAssets: {
    method: 'POST',
    path: '/v1/archives/assets',
    summary:
      'The assets that a filter means as a tar archive: records as JSON, payloads beside them.',
  },
  archiveObjects: {
    method: 'POST',
    path: '/v1/archives/objects',
    summary: 'Stored objects as a tar archive.',
  },
  appendUpload: {
    method: 'PATCH',
    path: '/v1/tus/{upload}',
    summary:
      'Appends bytes to an upload, by the tus protocol 1.0: POST to /v1/tus begins one, HEAD tells its offset, DELETE gives it up.',
  },
} as const satisfies Record<string, StreamRoute>
