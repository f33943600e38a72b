import { Option } from 'commander'
import type { AddCommand, CommandResult } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { textLog } from '../text-log.ts'

interface McpOptions extends LakeOptions {
  readonly tools: 'default' | 'all'
}

/** `mindtrace mcp`: the lake as an MCP server for the program that started it. */
export const addMcp: AddCommand = (program, { io, run }) => {
  const command = program
    .command('mcp')
    .description('serve a lake to an MCP client over standard input and output')
    .addOption(
      new Option('--tools <which>', 'the common tools, or every task that changes nothing')
        .choices(['default', 'all'])
        .env('MINDTRACE_MCP')
        .default('default'),
    )
  addLakeOptions(command).action(run(async (options: McpOptions) => mcp(io, options)))
}

/** Only the protocol may go to standard output: everything else goes to standard error. */
async function mcp(io: Io, options: McpOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const { serveMcpOverStdio } = await import('@mindtrace/service')
  await serveMcpOverStdio({
    lake,
    tools: options.tools,
    signal: io.signal,
    log: textLog(io.stderr, 'warn'),
  })
  return exitCode.done
}
