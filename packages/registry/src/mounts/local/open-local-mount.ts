import { fileURLToPath } from 'node:url'
import { MindtraceError } from '@mindtrace/core'
import { type MountOpener, refuseUnknownParameters } from '../../mount-url.ts'
import { LocalMount } from './local-mount.ts'

/** Opens `file:///absolute/path`; `?durability=none` gives up safety against a power cut. */
export const openLocalMount: MountOpener = (url) => {
  refuseUnknownParameters(url, ['durability'])
  const durability = url.parameters.get('durability')
  if (durability !== undefined && durability !== 'file' && durability !== 'none') {
    throw new MindtraceError('INVALID_INPUT', `durability is file or none, not '${durability}'`)
  }
  if (url.url.host !== '' || url.url.hash !== '') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${url.url.href}' is no folder of this machine; write file:///absolute/path`,
    )
  }
  return new LocalMount(fileURLToPath(url.url), { durability })
}
