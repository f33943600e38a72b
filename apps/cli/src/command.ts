import type { Command } from 'commander'
import type { Io } from './io.ts'

/** A finished command: how it ended, one of `exitCode`. */
export type CommandResult = Promise<number>

/** What every command gets to register itself. */
export interface Commands {
  readonly io: Io
  /** Makes the exit code of the action the one of the process. */
  run<Args extends unknown[]>(
    action: (...args: Args) => CommandResult,
  ): (...args: Args) => Promise<void>
}

/** Adds one command to the program. */
export type AddCommand = (program: Command, commands: Commands) => void

/** Options that every command has. */
export interface OutputOptions {
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Adds `--json` and `--quiet`. */
export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print JSON: one object, or one a line for lists')
    .option('--quiet', 'no progress and no messages')
}
