import { once } from 'node:events'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { startCli } from '../cli/run-cli.ts'

/** `mindtrace serve` as a process of its own, over a new lake. */
export interface ServedProcess extends AsyncDisposable {
  readonly address: string
  readonly port: number
  /** The lake's folder; a second process may open it. */
  readonly lake: string
  readonly folder: string
  /** What it has written to standard error so far, as lines. */
  lines(): readonly string[]
  kill(signal: NodeJS.Signals): void
  readonly finished: ReturnType<typeof startCli>['finished']
}

/** Starts one, with JSON logs of all levels unless said otherwise. */
export async function serveProcess(
  options: {
    readonly args?: readonly string[]
    readonly env?: Readonly<Record<string, string>>
    /** Default: a new one. */
    readonly lake?: string | undefined
  } = {},
): Promise<ServedProcess> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const lake = options.lake ?? join(folder.path, 'lake')
  const args = options.args ?? ['--log', 'json', '--verbose']
  const running = startCli(['serve', '--lake', lake, '--port', '0', ...args], {
    cwd: folder.path,
    env: options.env ?? {},
  })
  stack.defer(async () => {
    if (running.process.exitCode !== null || running.process.signalCode !== null) return
    running.process.kill('SIGKILL')
    await once(running.process, 'close')
  })
  let said = ''
  running.process.stderr?.on('data', (text: string) => {
    said += text
  })
  const started = await running.saw('http://127.0.0.1:')
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(started)?.[1])
  const kept = stack.move()
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    lake,
    folder: folder.path,
    lines: () => said.split('\n').filter((line) => line !== ''),
    kill: (signal) => void running.process.kill(signal),
    finished: running.finished,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}
