import type { GetSignedUrlConfig, Storage } from '@google-cloud/storage'
import { errorMessage, isMindtraceError, MindtraceError, systemErrorCode } from '@mindtrace/core'

/** Where the store is, and in whose name buckets are made. */
export interface GcsPlace {
  readonly endpoint: URL
  readonly presignEndpoint: URL
  readonly project: string | undefined
}

const remedy =
  'run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account'
const networkErrors = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE/

/**
 * The application default credentials, which the SDK finds and renews. They go to Google's servers alone:
 * an endpoint elsewhere (an emulator) gets requests without any, as the SDK does it.
 */
export class GcsCredentials {
  readonly #place: GcsPlace
  #storage: Promise<Storage> | undefined

  constructor(place: GcsPlace) {
    this.#place = place
  }

  /** The headers that say who asks. */
  async headers(): Promise<Readonly<Record<string, string>>> {
    if (!isGoogle(this.#place.endpoint)) return {}
    const { authClient } = await this.#sdk()
    try {
      return Object.fromEntries(await authClient.getRequestHeaders(this.#place.endpoint.href))
    } catch (error) {
      throw credentialsError(error, 'there are no credentials for Google Cloud Storage')
    }
  }

  /** The project that a new bucket belongs to. */
  async project(): Promise<string> {
    const { project, endpoint } = this.#place
    if (project !== undefined) return project
    if (!isGoogle(endpoint)) return 'mindtrace'
    const { authClient } = await this.#sdk()
    try {
      return await authClient.getProjectId()
    } catch (error) {
      throw credentialsError(error, 'the project is not known; add ?project=… to the address')
    }
  }

  /** A V4 signed address. @throws `FORBIDDEN` when the credentials cannot sign. */
  async sign(
    bucket: string,
    name: string,
    config: Omit<GetSignedUrlConfig, 'version'>,
  ): Promise<string> {
    const storage = await this.#sdk()
    const host = this.#place.presignEndpoint.origin
    try {
      const file = storage.bucket(bucket).file(name)
      const [url] = await file.getSignedUrl({ ...config, version: 'v4', host })
      return url
    } catch (error) {
      throw credentialsError(
        error,
        'these credentials cannot sign addresses: that takes the key of a service account, or one that may call iam.serviceAccounts.signBlob',
      )
    }
  }

  // The SDK takes a third of a second to load, and an emulator needs nothing of it.
  #sdk(): Promise<Storage> {
    this.#storage ??= this.#load()
    return this.#storage
  }

  async #load(): Promise<Storage> {
    const { Storage } = await import('@google-cloud/storage').catch((cause: unknown) => {
      throw new MindtraceError(
        'NOT_IMPLEMENTED',
        'gs: addresses need the package @google-cloud/storage; install it',
        { cause },
      )
    })
    const { endpoint, project } = this.#place
    return new Storage({
      apiEndpoint: endpoint.origin,
      ...(project === undefined ? {} : { projectId: project }),
    })
  }
}

/** Whether credentials may be sent there. */
function isGoogle({ protocol, hostname }: URL): boolean {
  return (
    protocol === 'https:' && (hostname === 'googleapis.com' || hostname.endsWith('.googleapis.com'))
  )
}

// The SDK's own error holds the request, and in it what must not be logged: only its words are kept.
function credentialsError(error: unknown, problem: string): unknown {
  if (isMindtraceError(error)) return error
  const words = errorMessage(error)
  const cause = new Error(words)
  if (networkErrors.test(systemErrorCode(error) ?? words)) {
    return new MindtraceError('UNAVAILABLE', `Google's token server does not answer: ${words}`, {
      cause,
    })
  }
  return new MindtraceError('FORBIDDEN', `${problem}; ${remedy} (${words})`, { cause })
}
