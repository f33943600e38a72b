import { createApp, startService } from '../apps/service/src/index.ts'
import { connectLake } from '../packages/client/src/index.ts'
import type { Lake } from '../packages/contract/src/index.ts'
import { describeLake, type LakeWishes } from '../packages/datalake/src/testing/index.ts'
import { openMemoryLake } from '../packages/datalake/src/testing/local-lakes.ts'

/** A lake in memory behind a service on a port of its own, reached over a real socket. */
async function openRemoteLake(wishes?: LakeWishes): Promise<Lake> {
  const lake = await openMemoryLake(wishes)
  const serverInfo = {
    serverId: '00000000-0000-4000-8000-000000000000',
    pidFile: 'none',
    version: '0.0.0',
  }
  const service = await startService({
    app: createApp({ lake, serverInfo }),
    port: 0,
    // Connections that a test broke off on purpose are not waited for.
    closeTimeoutMs: 100,
  })
  const remote = connectLake(service.address)
  return {
    ...remote,
    [Symbol.asyncDispose]: async () => {
      await remote[Symbol.asyncDispose]()
      await service.close()
      await lake[Symbol.asyncDispose]()
    },
  }
}

describeLake('over HTTP', { open: openRemoteLake, wrongStreamsFailCalls: true })
