import { errorMessage, isMindtraceError } from '@mindtrace/core'
import type { CommandResult } from './command.ts'
import { errorExitCode, exitCode } from './exit-code.ts'
import { type Io, printable } from './io.ts'
import { runProgram } from './program.ts'

/** The whole command line: runs a command and turns what was thrown into a message and an exit code. */
export async function main(argv: readonly string[], io: Io): CommandResult {
  try {
    return await runProgram(argv, io)
  } catch (error) {
    if (io.signal.aborted) {
      await io.stderr.write('interrupted; run the same command again to go on\n')
      return exitCode.interrupted
    }
    if (isMindtraceError(error)) {
      const code = errorExitCode[error.code]
      if (argv.includes('--json')) await io.stdout.write(`${JSON.stringify(errorJson(error))}\n`)
      await io.stderr.write(`mindtrace: ${printable(error.message)}\n`)
      return code
    }
    const detail =
      error instanceof Error && io.env.MINDTRACE_DEBUG !== undefined ? error.stack : undefined
    await io.stderr.write(
      `mindtrace: unexpected: ${detail ?? `${printable(errorMessage(error))} (MINDTRACE_DEBUG=1 shows where)`}\n`,
    )
    return exitCode.failed
  }
}

function errorJson({ code, message }: { readonly code: string; readonly message: string }) {
  return { error: { code, message } }
}
