export { MemoryMount } from './memory-mount.ts'
export { openMemoryMount } from './open-memory-mount.ts'
