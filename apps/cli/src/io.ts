/** What a command sees of the world. Tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Results: what a program reads. */
  readonly stdout: Output
  /** Progress and messages: what a person reads. */
  readonly stderr: Output
  /**
   * Aborts on the first interrupt. A command finishes the group at hand and returns; the process ends at
   * once on the second.
   */
  readonly signal: AbortSignal
  /** Ends the process at once, whatever still runs. Absent where there is no process to end. */
  readonly exit?: ((code: number) => void) | undefined
  /** Hands over what nobody caught; without it Node writes it to standard error and ends the process. */
  readonly onUncaught?: ((handle: (error: unknown) => void) => void) | undefined
}

/** Where text and bytes go. */
export interface Output {
  readonly isTTY: boolean
  readonly columns: number
  /** Resolves when more may be written: a slow reader slows the writer. */
  write(chunk: string | Uint8Array): Promise<void>
}

/** Terminal control characters that a file's name could hold must not reach a terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '�')
}
