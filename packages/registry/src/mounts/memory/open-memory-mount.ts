import { type MountOpener, refuseUnknownParameters } from '../../mount-url.ts'
import { MemoryMount } from './memory-mount.ts'

/** Opens `memory:`, a new empty mount each time. */
export const openMemoryMount: MountOpener = (url) => {
  refuseUnknownParameters(url)
  return new MemoryMount()
}
