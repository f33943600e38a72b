import { MindtraceError } from '@mindtrace/core'
import { type MountOpener, refuseUnknownParameters } from '../../mount-url.ts'
import { GcsMount } from './gcs-mount.ts'

/**
 * Opens `gs://bucket/prefix`. Parameters: `endpoint` of another store that speaks the JSON API (default: that
 * of the usual variable `STORAGE_EMULATOR_HOST`, else Google's), `presign_endpoint` that clients reach it by,
 * `project` and `location` for a bucket that has to be made. Credentials are the application's default ones.
 */
export const openGcsMount: MountOpener = ({ url, ...rest }) => {
  refuseUnknownParameters({ url, ...rest }, parameters)
  if (url.hash !== '' || url.port !== '') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${url.href}' is no bucket; write gs://bucket/prefix`,
    )
  }
  return new GcsMount({
    bucket: url.hostname,
    prefix: decoded(url.pathname),
    endpoint: rest.parameters.get('endpoint') ?? emulator(),
    presignEndpoint: rest.parameters.get('presign_endpoint'),
    project: rest.parameters.get('project'),
    location: rest.parameters.get('location'),
  })
}

const parameters = ['endpoint', 'presign_endpoint', 'project', 'location']

/** @see https://cloud.google.com/storage/docs/emulators, which writes it with and without a scheme. */
function emulator(): string | undefined {
  const host = process.env.STORAGE_EMULATOR_HOST
  if (host === undefined || host === '') return undefined
  return host.includes('://') ? host : `http://${host}`
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `'${path}' is wrongly percent-encoded`, { cause })
  }
}
