import { connectLake } from '@mindtrace/client'
import type { Lake } from '@mindtrace/contract'
import type { LakeWishes } from '@mindtrace/datalake/testing'
import { createAccess, createApp, startService } from '@mindtrace/service'
import { watchApps } from './openapi/watched-app.ts'

type Open = (wishes?: LakeWishes) => Promise<Lake>

/**
 * Opens lakes behind services on ports of their own, reached over real sockets. What these answer is compared with
 * what they declare, at the end of the file that calls this.
 */
export function behindService(open: Open): Open {
  const declared = watchApps()
  return async (wishes) => {
    const lake = await open(wishes)
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
}
