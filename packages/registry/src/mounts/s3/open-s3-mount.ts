import { MindtraceError } from '@mindtrace/core'
import { type MountOpener, refuseUnknownParameters } from '../../mount-url.ts'
import { S3Mount } from './s3-mount.ts'

/**
 * Opens `s3://bucket/prefix`. `endpoint` is the address of a store that is not Amazon's, `region` where the
 * bucket lies, `presign_endpoint` the address by which clients reach the store, for signed URLs.
 * Credentials come from the usual places: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, a role.
 */
export const openS3Mount: MountOpener = (mount) => {
  refuseUnknownParameters(mount, ['endpoint', 'region', 'presign_endpoint'])
  const { url, parameters } = mount
  if (url.port !== '' || url.hash !== '' || !/^[a-z0-9][a-z0-9._-]{1,253}$/i.test(url.hostname)) {
    throw invalid(`'${url.href}' names no bucket; write s3://bucket/prefix`)
  }
  const region = parameters.get('region')
  if (region !== undefined && !/^[a-z0-9-]+$/i.test(region)) {
    throw invalid(`'${region}' is no region; one is us-east-1`)
  }
  return new S3Mount({
    bucket: url.hostname,
    prefix: decodedPath(url.pathname),
    region,
    endpoint: checkedEndpoint('endpoint', parameters.get('endpoint')),
    presignEndpoint: checkedEndpoint('presign_endpoint', parameters.get('presign_endpoint')),
  })
}

function decodedPath(pathname: string): string {
  try {
    return decodeURIComponent(pathname)
  } catch (cause) {
    throw invalid(`'${pathname}' is no prefix: its % signs stand for nothing`, cause)
  }
}

function checkedEndpoint(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid(`${name} is an http:// or https:// address, not '${text}'`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(`${name} holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)
  }
  if (url.search !== '' || url.hash !== '') throw invalid(`${name} ends with the host or a path`)
  return url.href.replace(/\/$/, '')
}

function invalid(message: string, cause?: unknown): MindtraceError {
  return new MindtraceError('INVALID_INPUT', message, cause === undefined ? {} : { cause })
}
