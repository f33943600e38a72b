import { MemoryObjectMount } from '../mounts/memory/index.ts'
import { describePayloadCache } from '../testing/describe-payload-cache.ts'

describePayloadCache('memory, as an object store', { create: () => new MemoryObjectMount() })
