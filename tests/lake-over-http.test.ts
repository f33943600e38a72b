import { connectLake } from '@mindtrace/client'
import type { Lake } from '@mindtrace/contract'
import { describeLake, type LakeWishes, openMemoryLake } from '@mindtrace/datalake/testing'
import { createAccess, createApp, startService } from '@mindtrace/service'
import { watchApps } from './openapi/watched-app.ts'

const declared = watchApps()

/** A lake in memory behind a service on a port of its own, reached over a real socket. */
async function openRemoteLake(wishes?: LakeWishes): Promise<Lake> {
  const lake = await openMemoryLake(wishes)
  const serverInfo = {
    serverId: '00000000-0000-4000-8000-000000000000',
    pidFile: 'none',
    version: '0.0.0',
  }
  const service = await startService({
    // The lake under test says by itself what is allowed.
    app: declared.watch(
      createApp({ lake, serverInfo, access: createAccess({ allowDestructive: true }) }),
    ),
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
