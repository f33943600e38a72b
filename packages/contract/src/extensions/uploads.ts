import { z } from 'zod'
import { instant, jsonObject, nullable } from '../model/primitives.ts'
import { CreateObjectUploadSessionInput, ObjectUploadSessionOutput } from '../tasks/objects.ts'
import { task } from '../tasks/task.ts'

const sizeBytes = z.int().min(0)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'use 64 lower case hex digits')
const partNumber = z.int().min(1).max(10_000)

/** Opens a session: what `objects.upload_session.create` gave. */
const ticket = { upload_session_id: z.string(), finalize_token: z.string() }

export const UploadTicket = z.object(ticket).meta({ id: 'UploadTicket' })
export type UploadTicket = z.infer<typeof UploadTicket>

/** What the parts of an upload may be like. The last one may be smaller. */
export const UploadPartLimits = z
  .object({ min_bytes: z.int(), max_bytes: z.int(), max_parts: z.int() })
  .meta({ id: 'UploadPartLimits' })
export type UploadPartLimits = z.infer<typeof UploadPartLimits>

export const UploadBeginInput = CreateObjectUploadSessionInput.extend({
  /** What will be uploaded; other bytes are not stored. */
  size_bytes: nullable(sizeBytes),
  sha256: nullable(sha256),
  /** Whether the caller can write to a path on the machine of the lake. */
  local_path: z.boolean().default(false),
  /** Whether the bytes will be appended through the lake (`appendUpload`, tus). Needs `size_bytes`. */
  through_lake: z.boolean().default(false),
}).meta({ id: 'UploadBeginInput' })

export const UploadBeginOutput = z
  .object({
    /** Null where the mount has no way past the lake: stream the bytes to the lake. */
    session: nullable(ObjectUploadSessionOutput),
    /** Null where the mount takes no parts. */
    part_limits: nullable(UploadPartLimits),
  })
  .meta({ id: 'UploadBeginOutput' })
export type UploadBeginOutput = z.infer<typeof UploadBeginOutput>

export const UploadStateOutput = z
  .object({
    session: ObjectUploadSessionOutput,
    size_bytes: nullable(sizeBytes),
    sha256: nullable(sha256),
    part_limits: nullable(UploadPartLimits),
    /** Size of the parts; null before `uploads.parts.begin`. */
    part_bytes: nullable(z.int()),
  })
  .meta({ id: 'UploadStateOutput' })
export type UploadStateOutput = z.infer<typeof UploadStateOutput>

export const UploadProgressOutput = z
  .object({
    session: ObjectUploadSessionOutput,
    /** Bytes that have been appended: where to go on. */
    offset: sizeBytes,
    size_bytes: sizeBytes,
  })
  .meta({ id: 'UploadProgressOutput' })
export type UploadProgressOutput = z.infer<typeof UploadProgressOutput>

export const UploadCompleteInput = z
  .object({
    ...ticket,
    metadata: nullable(jsonObject()),
    /** What was uploaded; other bytes are not stored. */
    size_bytes: nullable(sizeBytes),
    sha256: nullable(sha256),
  })
  .meta({ id: 'UploadCompleteInput' })

export const UploadSessionOutput = z
  .object({ session: ObjectUploadSessionOutput })
  .meta({ id: 'UploadSessionOutput' })

export const UploadPartsBeginInput = z
  .object({
    ...ticket,
    /** Default: what fits the declared size, 8 MiB at least. */
    part_bytes: nullable(z.int().min(1)),
  })
  .meta({ id: 'UploadPartsBeginInput' })

export const UploadPartsBeginOutput = z
  .object({ part_bytes: z.int(), max_parts: z.int() })
  .meta({ id: 'UploadPartsBeginOutput' })

export const UploadPartsSignInput = z
  .object({ ...ticket, numbers: z.array(partNumber).min(1).max(1000) })
  .meta({ id: 'UploadPartsSignInput' })

export const SignedPart = z
  .object({
    number: partNumber,
    url: z.string(),
    /** To be sent exactly as they stand. */
    headers: z.record(z.string(), z.string()),
  })
  .meta({ id: 'SignedPart' })
export type SignedPart = z.infer<typeof SignedPart>

export const UploadPartsSignOutput = z
  .object({ parts: z.array(SignedPart), expires_at: instant() })
  .meta({ id: 'UploadPartsSignOutput' })

export const StoredPart = z
  .object({ number: partNumber, size_bytes: z.int(), etag: z.string() })
  .meta({ id: 'StoredPart' })
export type StoredPart = z.infer<typeof StoredPart>

export const UploadPartsListOutput = z
  .object({ parts: z.array(StoredPart) })
  .meta({ id: 'UploadPartsListOutput' })

export const UploadReconcileInput = z
  .object({ limit: z.int().min(1).max(1000).default(100) })
  .meta({ id: 'UploadReconcileInput' })

export const UploadReconcileOutput = z
  .object({
    /** Sessions that nobody completed in time. */
    expired: z.int(),
    /** Sessions whose completion had been asked for and was interrupted. */
    completed: z.int(),
    /** Places that were emptied. */
    discarded: z.int(),
    /** Sessions that will be tried again. */
    failed: z.int(),
  })
  .meta({ id: 'UploadReconcileOutput' })
export type UploadReconcileOutput = z.infer<typeof UploadReconcileOutput>

/** What the service adds to upload sessions: sizes and hashes, parts, a way to go on, an end. */
export const uploadTasks = {
  'uploads.begin': task({
    summary:
      'Opens an upload session and says how the bytes may travel; no session where only the lake itself takes them.',
    input: UploadBeginInput,
    output: UploadBeginOutput,
    statuses: [400, 403, 404],
  }),
  'uploads.get': task({
    summary: 'Says how far an upload session is, so that another process can go on with it.',
    input: UploadTicket,
    output: UploadStateOutput,
    reads: true,
    statuses: [403, 404],
  }),
  'uploads.progress': task({
    summary: 'Says how many bytes of an upload through the lake have arrived.',
    input: UploadTicket,
    output: UploadProgressOutput,
    reads: true,
    statuses: [403, 404, 409],
  }),
  'uploads.parts.begin': task({
    summary: 'Begins to upload in parts; a session that has begun keeps the size it has.',
    input: UploadPartsBeginInput,
    output: UploadPartsBeginOutput,
    statuses: [400, 403, 404, 409],
  }),
  'uploads.parts.sign': task({
    summary: 'Signs a PUT for each of some parts.',
    input: UploadPartsSignInput,
    output: UploadPartsSignOutput,
    statuses: [400, 403, 404, 409],
  }),
  'uploads.parts.list': task({
    summary: 'Lists the parts that the store has, which need not be sent again.',
    input: UploadTicket,
    output: UploadPartsListOutput,
    reads: true,
    statuses: [403, 404],
  }),
  'uploads.complete': task({
    summary:
      'Joins the parts, if there are any, checks size and hash, and makes the bytes an object. Harmless to repeat.',
    input: UploadCompleteInput,
    output: UploadSessionOutput,
    statuses: [400, 403, 404, 409],
  }),
  'uploads.abort': task({
    summary: 'Gives an upload session up and removes what has arrived.',
    input: UploadTicket,
    output: UploadSessionOutput,
    statuses: [403, 404, 409],
  }),
  'uploads.reconcile': task({
    summary:
      'Expires sessions that nobody completed, finishes interrupted completions and removes bytes that arrived too late.',
    input: UploadReconcileInput,
    output: UploadReconcileOutput,
  }),
} as const
