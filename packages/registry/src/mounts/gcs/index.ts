export { GcsMount, type GcsMountOptions } from './gcs-mount.ts'
export { openGcsMount } from './open-gcs-mount.ts'
