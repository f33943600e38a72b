import type { TarFile } from './tar.ts'

/** Files that are opened while one is sent: a store takes as long to open one as to send it. */
const depth = 4

/** The files of a plan in its order, some opened before their turn. What was opened and is not wanted is cancelled. */
export async function* openedAhead(
  plan: AsyncGenerator<() => Promise<TarFile>>,
): AsyncGenerator<TarFile> {
  const waiting: Promise<TarFile>[] = []
  const next = async () => {
    const planned = await plan.next()
    if (planned.done) return false
    const opening = planned.value()
    // A failure is thrown when it is the file's turn.
    opening.catch(() => {})
    waiting.push(opening)
    return true
  }
  try {
    for (let more = true; ; ) {
      while (more && waiting.length < depth) more = await next()
      const opened = waiting.shift()
      if (opened === undefined) return
      yield await opened
    }
  } finally {
    await plan.return(undefined)
    for (const opening of waiting) await opening.then(cancel, () => {})
  }
}

async function cancel({ body }: TarFile): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel().catch(() => {})
}
