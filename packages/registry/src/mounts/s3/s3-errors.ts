import {
  type ErrorCode,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'

/** What was asked of the store when it failed. */
export interface S3Call {
  /** As in `cannot read`. */
  readonly action: string
  /** The key, or what else the action is about. */
  readonly subject: string
  readonly bucket: string
  readonly region: string
  /** Where the store is, for messages. */
  readonly host: string
  /** How often the request had been sent before the SDK took it. */
  readonly attemptsBefore: number
}

type Row = readonly [ErrorCode, string | ((call: S3Call, error: S3Failure) => string)]

/** What an error of the SDK may hold. It has other fields, which may be secret. */
interface S3Failure {
  readonly name: string
  readonly message: string
  readonly Region?: string | undefined
  readonly $metadata?:
    | {
        readonly httpStatusCode?: number | undefined
        readonly attempts?: number | undefined
        readonly requestId?: string | undefined
      }
    | undefined
  readonly $response?:
    | { readonly headers?: Readonly<Record<string, string>> | undefined }
    | undefined
}

const otherRegion: Row = [
  'INVALID_INPUT',
  ({ bucket, region }, error) => {
    const right = error.Region ?? error.$response?.headers?.['x-amz-bucket-region']
    return right === undefined || right === region
      ? `bucket '${bucket}' is not in region '${region}'; give its region in the mount's address (region=…)`
      : `bucket '${bucket}' is in region '${right}', not '${region}'; put region=${right} into the mount's address`
  },
]
const refused: Row = [
  'FORBIDDEN',
  ({ host }) => `${host} refuses it to these credentials; check what they may do`,
]
const badCredentials: Row = [
  'FORBIDDEN',
  ({ host }) =>
    `${host} does not accept the credentials; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile`,
]
const overdue: Row = ['FORBIDDEN', 'the credentials have expired; renew them and repeat']
const full: Row = ['STORAGE_FULL', 'the store is full or the quota used up; free space and repeat']
const damaged: Row = ['UNAVAILABLE', 'the bytes were damaged on their way; repeat']
const busy: Row = ['UNAVAILABLE', 'another write of the key is under way; repeat']
const wrongPart: Row = ['INVALID_INPUT', 'a part is not there, too small or out of order']
const badName: Row = ['INVALID_INPUT', 'the store takes no such name']
const taken: Row = ['CONFLICT', 'an object stands where a folder is needed, or the other way round']
const unknownFeature: Row = ['NOT_IMPLEMENTED', ({ host }) => `${host} cannot do this`]
const noCredentials: Row = [
  'FORBIDDEN',
  'there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
]

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const byName: Readonly<Record<string, Row>> = {
  NoSuchBucket: [
    'NOT_FOUND',
    ({ bucket, host }) =>
      `bucket '${bucket}' does not exist at ${host}; create it or correct the mount's address`,
  ],
  NoSuchKey: ['NOT_FOUND', 'it does not exist'],
  NoSuchUpload: ['NOT_FOUND', 'the upload is over: it was completed, aborted or swept'],
  PermanentRedirect: otherRegion,
  AuthorizationHeaderMalformed: otherRegion,
  IllegalLocationConstraintException: otherRegion,
  AccessDenied: refused,
  AllAccessDisabled: refused,
  AccountProblem: refused,
  InvalidAccessKeyId: badCredentials,
  SignatureDoesNotMatch: badCredentials,
  InvalidToken: badCredentials,
  ExpiredToken: overdue,
  ExpiredTokenException: overdue,
  TokenRefreshRequired: overdue,
  CredentialsProviderError: noCredentials,
  RequestTimeTooSkewed: ['FORBIDDEN', 'the clocks of this machine and the store differ; set them'],
  BucketAlreadyExists: [
    'FORBIDDEN',
    ({ bucket }) => `bucket '${bucket}' belongs to someone else; take another name`,
  ],
  InvalidObjectState: ['UNAVAILABLE', 'it lies in an archive; restore it first'],
  InvalidRange: ['RANGE_NOT_SATISFIABLE', 'the range starts past the end'],
  PreconditionFailed: ['PRECONDITION_FAILED', 'the key does not hold what was expected'],
  ConditionalRequestConflict: busy,
  OperationAborted: busy,
  QuotaExceeded: full,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
  EntityTooLarge: ['TOO_LARGE', 'the store takes no object or part of this size'],
  EntityTooSmall: wrongPart,
  InvalidPart: wrongPart,
  InvalidPartOrder: wrongPart,
  InvalidBucketName: badName,
  KeyTooLongError: badName,
  XMinioInvalidObjectName: badName,
  XMinioParentIsObject: taken,
  XMinioObjectExistsAsDirectory: taken,
  BadDigest: damaged,
  IncompleteBody: damaged,
  XAmzContentSHA256Mismatch: damaged,
  RequestTimeout: ['UNAVAILABLE', 'the bytes came too slowly for the store; repeat'],
  NotImplemented: unknownFeature,
  MethodNotAllowed: unknownFeature,
}

/** For answers without a body, such as those to HEAD, and for names of other makers. */
const byStatus: Readonly<Record<number, Row>> = {
  301: otherRegion,
  400: ['INVALID_INPUT', (_call, error) => `the store does not take it: ${error.message}`],
  401: badCredentials,
  403: refused,
  404: ['NOT_FOUND', 'it does not exist'],
  405: unknownFeature,
  409: busy,
  412: ['PRECONDITION_FAILED', 'the key does not hold what was expected'],
  413: ['TOO_LARGE', 'the store takes no object or part of this size'],
  416: ['RANGE_NOT_SATISFIABLE', 'the range starts past the end'],
  429: ['UNAVAILABLE', 'the store asks for fewer requests; repeat later'],
  501: unknownFeature,
  507: full,
}

/**
 * What the SDK threw as ours, naming what was wanted and the remedy; `details.s3Code` is the store's word,
 * `details.attempts` how often it was asked. Our own errors are given back as they are.
 */
export function s3Error(cause: unknown, call: S3Call): unknown {
  if (isMindtraceError(cause)) return cause
  const error = cause as S3Failure
  const { httpStatusCode: status, requestId } = error.$metadata ?? {}
  const attempts = call.attemptsBefore + (error.$metadata?.attempts ?? 1)
  const [code, text] = rowOf(error, status)
  const said = typeof text === 'string' ? text : text(call, error)
  return new MindtraceError(code, `cannot ${call.action} '${call.subject}': ${said}`, {
    // What the store says of a refused request repeats parts of it, also the name of the key that signed it.
    ...(code === 'FORBIDDEN' ? {} : { cause }),
    details: {
      key: call.subject,
      bucket: call.bucket,
      s3Code: error.name,
      status,
      attempts,
      requestId,
    },
  })
}

function rowOf(error: S3Failure, status: number | undefined): Row {
  const named = Object.hasOwn(byName, error.name) ? byName[error.name] : undefined
  if (named !== undefined) return named
  const found = status === undefined ? undefined : byStatus[status]
  if (found !== undefined) return found
  if (errorMessage(error).startsWith('Region is missing')) {
    return ['INVALID_INPUT', 'no region is given; put region=… into the address or set AWS_REGION']
  }
  return ['UNAVAILABLE', ({ host }) => `${host} ${troubleOf(error, status)}; repeat later`]
}

function troubleOf(error: S3Failure, status: number | undefined): string {
  if (status !== undefined && status >= 500) return `is in trouble (${status} ${error.name})`
  if (error.name === 'TimeoutError') return 'does not answer in time'
  const code = systemErrorCode(error)
  return code === undefined ? `failed: ${errorMessage(error)}` : `can't be reached (${code})`
}

/** The store's own word for what is one of our errors, or undefined. */
export function s3Code(error: unknown): string | undefined {
  return isMindtraceError(error) ? (error.details.s3Code as string | undefined) : undefined
}

/** How often the request that failed was sent: after the first time an earlier one may have been done. */
export function attemptsOf(error: unknown): number {
  return isMindtraceError(error) ? Number(error.details.attempts ?? 1) : 1
}
