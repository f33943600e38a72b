import type { Io } from './io.ts'
import { formatCount } from './report.ts'

/** How far a long command is. */
export interface ProgressState {
  readonly phase: string
  readonly done: number
  readonly total: number
}

/** Shows progress on stderr: a bar on a terminal, a line a second elsewhere, nothing when quiet. */
export interface Progress {
  update(state: ProgressState): void
  /** Leaves the terminal's line clean. Call it before any other output. */
  end(): void
}

const barWidth = 28
const barEveryMs = 80
const lineEveryMs = 1000

/** The {@link Progress} that fits where stderr goes. */
export function createProgress(io: Io, options: { readonly quiet: boolean }): Progress {
  if (options.quiet) return { update() {}, end() {} }
  const { isTTY } = io.stderr
  const everyMs = isTTY ? barEveryMs : lineEveryMs
  let shownAt = 0
  let shown = ''
  const show = (state: ProgressState) => {
    const text = describe(state)
    if (text === shown) return
    shown = text
    void io.stderr.write(isTTY ? `\r\u001b[2K${bar(state)} ${text}` : `${text}\n`)
  }
  let last: ProgressState | undefined
  return {
    update(state) {
      last = state
      const now = performance.now()
      if (now - shownAt < everyMs && state.done < state.total) return
      shownAt = now
      show(state)
    },
    end() {
      if (last !== undefined && !isTTY) show(last)
      if (isTTY && shown !== '') void io.stderr.write('\r\u001b[2K')
      shown = ''
      last = undefined
    },
  }
}

function describe({ phase, done, total }: ProgressState): string {
  return `${phase} ${formatCount(done)}/${formatCount(total)}`
}

function bar({ done, total }: ProgressState): string {
  const filled = total === 0 ? barWidth : Math.min(barWidth, Math.round((done / total) * barWidth))
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
}
