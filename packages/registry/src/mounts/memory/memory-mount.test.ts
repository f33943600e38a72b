import { describeMount } from '../../testing/index.ts'
import { MemoryMount } from './memory-mount.ts'
import { MemoryObjectMount } from './memory-object-mount.ts'

describeMount('memory', {
  create: () => new MemoryMount(),
  // All bytes of a memory mount are in memory.
  keepsBytesInMemory: true,
})

describeMount('memory, as an object store', {
  create: () => new MemoryObjectMount(),
  keepsBytesInMemory: true,
  signsRequests: false,
})
