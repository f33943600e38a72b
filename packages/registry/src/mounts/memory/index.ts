export { MemoryMount } from './memory-mount.ts'
export { MemoryObjectMount } from './memory-object-mount.ts'
export { openMemoryMount } from './open-memory-mount.ts'
