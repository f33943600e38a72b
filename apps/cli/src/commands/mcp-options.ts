import { MindtraceError } from '@mindtrace/core'
import type { Command } from 'commander'
import { Option } from 'commander'
import { isSet } from '../flag.ts'

/** What MCP clients get of a served lake. */
export interface McpFlags {
  readonly mcp?: 'default' | 'all'
  readonly mcpPath?: string
  readonly mcpStateless?: boolean
}

type Env = Readonly<Record<string, string | undefined>>

/** Adds which tools there are, where, and whether clients get sessions. */
export function addMcpFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--mcp <tools>',
        "the tools for MCP: the Python service's, or every task that reads",
      )
        .choices(['default', 'all'])
        .env('MINDTRACE_MCP')
        .default('default'),
    )
    .addOption(
      new Option('--mcp-path <path>', 'where MCP is answered (default: /mcp-server/mcp)').env(
        'MINDTRACE_MCP_PATH',
      ),
    )
    .option(
      '--mcp-stateless',
      'no sessions for MCP: every request stands for itself, as several processes behind one address need it (env: MINDTRACE_MCP_STATELESS)',
    )
}

/**
 * What the flags and variables say. The path may also stand in the two variables of the Python service,
 * `MINDTRACE_MCP__MOUNT_PATH` and `MINDTRACE_MCP__HTTP_APP_PATH`.
 */
export function mcpSettings(flags: McpFlags, env: Env) {
  const stateless = isSet(flags.mcpStateless, 'MINDTRACE_MCP_STATELESS', env)
  return {
    tools: flags.mcp ?? 'default',
    path:
      flags.mcpPath === undefined ? pathOfPython(env) : checkedPath(flags.mcpPath, '--mcp-path'),
    ...(stateless ? { sessions: false as const } : {}),
  }
}

function pathOfPython(env: Env): string {
  const mount = env.MINDTRACE_MCP__MOUNT_PATH ?? '/mcp-server'
  const inside = env.MINDTRACE_MCP__HTTP_APP_PATH ?? '/mcp'
  const parts = [mount, inside].map((part) => part.replace(/^\/+|\/+$/g, ''))
  const path = parts.filter((part) => part !== '').join('/')
  return checkedPath(path, 'MINDTRACE_MCP__MOUNT_PATH and MINDTRACE_MCP__HTTP_APP_PATH')
}

/** One that no task or stream has: those have a dot, or begin with `/v1`. */
function checkedPath(text: string, name: string): string {
  const path = `/${text.replace(/^\/+/, '')}`
  if (/^(?:\/[\w-]+)+\/?$/.test(path) && !/^\/v1(?:\/|$)/.test(path)) return path
  throw new MindtraceError(
    'INVALID_INPUT',
    `${name} is '${text}': use a path of letters, digits, - and _ as /mcp-server/mcp, not one under /v1`,
  )
}
