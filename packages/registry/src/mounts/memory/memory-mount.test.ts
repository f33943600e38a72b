import { describeMount } from '../../testing/index.ts'
import { MemoryMount } from './memory-mount.ts'

describeMount('memory', {
  create: () => new MemoryMount(),
  // All bytes of a memory mount are in memory.
  keepsBytesInMemory: true,
})
