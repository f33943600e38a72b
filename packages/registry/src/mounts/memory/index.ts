export { MemoryMount } from './memory-mount.ts'
