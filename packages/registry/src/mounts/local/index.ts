export { LocalMount, type LocalMountOptions } from './local-mount.ts'
export { openLocalMount } from './open-local-mount.ts'
