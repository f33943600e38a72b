import type { Sample } from './sample.ts'

/** One page of samples and the cursor of the next, null at the end. */
interface SamplePage {
  readonly samples: readonly Sample[]
  readonly next: string | null
}

export type LoadPage = (cursor: string | null, signal: AbortSignal) => Promise<SamplePage>

/** What is loaded so far. */
export interface FeedState {
  readonly pages: readonly (readonly Sample[])[]
  readonly status: 'loading' | 'more' | 'end' | 'failed'
  readonly error: unknown
}

/** Loads one page after the other, one at a time, until there are no more or it is stopped. */
export class SampleFeed {
  readonly #load: LoadPage
  readonly #changed: (state: FeedState) => void
  readonly #controller = new AbortController()
  #cursor: string | null = null
  #state: FeedState = { pages: [], status: 'more', error: undefined }

  constructor(load: LoadPage, changed: (state: FeedState) => void) {
    this.#load = load
    this.#changed = changed
  }

  get state(): FeedState {
    return this.#state
  }

  /** Loads the next page; does nothing while one is on its way or after the last. */
  async more(): Promise<void> {
    if (this.#state.status === 'loading' || this.#state.status === 'end') return
    const { signal } = this.#controller
    this.#set({ status: 'loading', error: undefined })
    try {
      const page = await this.#load(this.#cursor, signal)
      if (signal.aborted) return
      this.#cursor = page.next
      this.#set({
        pages: [...this.#state.pages, page.samples],
        status: page.next === null ? 'end' : 'more',
      })
    } catch (error) {
      if (!signal.aborted) this.#set({ status: 'failed', error })
    }
  }

  /** Ends what is on its way; nothing is reported any more. */
  stop(): void {
    this.#controller.abort()
  }

  #set(changes: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...changes }
    this.#changed(this.#state)
  }
}
