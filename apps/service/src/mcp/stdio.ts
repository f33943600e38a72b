import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Lake } from '@mindtrace/contract'
import { errorMessage, type Logger, silentLogger } from '@mindtrace/core'
import { createProcessTasks } from '../process-tasks.ts'
import { createServiceCall } from '../service-call.ts'
import { packageVersion } from '../version.ts'
import type { ToolSelection } from './tools.ts'

/** What {@link serveMcpOverStdio} serves, and through what. */
export interface McpOverStdioOptions {
  readonly lake: Lake
  /** Default: the 14 tools of the Python service; `all`: every task that changes nothing. */
  readonly tools?: ToolSelection | undefined
  /** Default: this process's. Nothing else may write to the output. */
  readonly input?: Readable | undefined
  readonly output?: Writable | undefined
  readonly signal?: AbortSignal | undefined
  readonly log?: Logger | undefined
}

/**
 * Speaks MCP through two pipes, as a program does that an MCP client has started. Resolves when the client
 * closes its end, or at `signal`. The lake stays open: it is the caller's.
 */
export async function serveMcpOverStdio(options: McpOverStdioOptions): Promise<void> {
  const { lake, tools = 'default', log = silentLogger, signal } = options
  const { input = process.stdin, output = process.stdout } = options
  const [{ serveStdio, StdioServerTransport }, { mcpServerFactory }] = await Promise.all([
    import('@modelcontextprotocol/server/stdio'),
    import('./server.ts'),
  ])
  const version = packageVersion()
  const call = createServiceCall(
    lake,
    createProcessTasks({ serverId: randomUUID(), pidFile: '', version }, undefined),
  )
  const closed = Promise.race([once(input, 'close', { signal }), once(input, 'end', { signal })])
  const handle = serveStdio(
    // Whoever can start this process can read the lake anyway.
    mcpServerFactory({ callerOf: () => ({ call, streams: lake.streams }), tools, version, log }),
    {
      transport: new StdioServerTransport(input, output),
      onerror: (error) => log.debug({ error: errorMessage(error) }, 'MCP'),
    },
  )
  try {
    await closed
  } catch (error) {
    if (signal?.aborted !== true) throw error
  } finally {
    await handle.close()
  }
}
