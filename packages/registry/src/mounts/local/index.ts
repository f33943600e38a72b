export { LocalMount, type LocalMountOptions } from './local-mount.ts'
