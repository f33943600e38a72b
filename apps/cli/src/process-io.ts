import { once } from 'node:events'
import type { WriteStream } from 'node:tty'
import type { Io, Output } from './io.ts'

const interrupted = 130

/** The {@link Io} of this process, with its signals. */
export function processIo(): Io {
  const abort = new AbortController()
  const interrupt = () => {
    if (abort.signal.aborted) process.exit(interrupted)
    abort.abort(new DOMException('interrupted', 'AbortError'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    env: process.env,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    signal: abort.signal,
    exit: (code) => process.exit(code),
    onUncaught: (handle) => void process.on('uncaughtException', handle),
  }
}

function outputOf(stream: WriteStream): Output {
  // A reader that went away, as `| head` does, ends the command quietly.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  return {
    get isTTY() {
      return stream.isTTY === true
    },
    get columns() {
      return stream.columns ?? 80
    },
    async write(chunk) {
      if (!stream.write(chunk)) await once(stream, 'drain')
    },
  }
}
