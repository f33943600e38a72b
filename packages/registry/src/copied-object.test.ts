import { MemoryMount, MemoryObjectMount } from './mounts/memory/index.ts'
import { describeCopies } from './testing/describe-copies.ts'

describeCopies('within one store', {
  create: () => {
    const from = new MemoryObjectMount()
    return { from, to: new MemoryObjectMount({ beside: from }) }
  },
  isByStore: true,
})

describeCopies('between two stores', {
  create: () => ({ from: new MemoryObjectMount(), to: new MemoryObjectMount() }),
  isByStore: false,
})

describeCopies('from a folder to a store', {
  create: () => ({ from: new MemoryMount(), to: new MemoryObjectMount() }),
  isByStore: false,
})

describeCopies('from a store to a folder', {
  create: () => ({ from: new MemoryObjectMount(), to: new MemoryMount() }),
  isByStore: false,
})

describeCopies('between folders', {
  create: () => ({ from: new MemoryMount(), to: new MemoryMount() }),
  isByStore: false,
})
