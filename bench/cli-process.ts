import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../apps/cli/dist/bin/mindtrace.js', import.meta.url))

/** What a finished command took. */
export interface Run {
  readonly stdout: string
  readonly seconds: number
  readonly peakMiB: number
  /** When each line of stderr came, in seconds since the start. */
  readonly lines: readonly { readonly at: number; readonly text: string }[]
}

/** Runs the built command to its end and watches its memory. @throws when it fails. */
export async function runMindtrace(args: readonly string[]): Promise<Run> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  const lines: { at: number; text: string }[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const at = (performance.now() - startedAt) / 1000
    for (const line of text.split('\n')) if (line !== '') lines.push({ at, text: line })
  })
  const peak = watchMemory(child)
  const [code] = await once(child, 'close')
  const seconds = (performance.now() - startedAt) / 1000
  if (code !== 0) throw new Error(`mindtrace ${args.join(' ')} ended with ${code}`)
  return { stdout, seconds, peakMiB: peak(), lines }
}

/** A service that runs as a process of its own. */
export interface Served extends AsyncDisposable {
  readonly address: string
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startMs: number
  readonly pid: number
  peakMiB(): number
}

/** Starts `mindtrace serve` and waits for its first answer. */
export async function serveMindtrace(args: readonly string[], port: number): Promise<Served> {
  const startedAt = performance.now()
  const address = `http://127.0.0.1:${port}`
  const child = spawn(
    process.execPath,
    [bin, 'serve', '--quiet', '--port', String(port), ...args],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const peak = watchMemory(child)
  for (;;) {
    const answered = await fetch(`${address}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (answered) break
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const startMs = performance.now() - startedAt
  return {
    address,
    startMs,
    pid: child.pid as number,
    peakMiB: peak,
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close')
      child.kill('SIGINT')
      await closed
    },
  }
}

/** The kernel's own peak of a process's resident memory, read until it ends. */
function watchMemory(child: ChildProcess): () => number {
  let peakKiB = 0
  const read = async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakKiB = Math.max(peakKiB, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
  }
  const timer = setInterval(() => void read(), 50)
  child.on('close', () => clearInterval(timer))
  return () => peakKiB / 1024
}
