import { useEffect, useState } from 'preact/hooks'
import { type FeedState, type LoadPage, SampleFeed } from './sample-feed.ts'

const nothingYet: FeedState = { pages: [], status: 'loading', error: undefined }

/** The samples of whatever `key` stands for, from the start again when it changes. */
export function useSampleFeed(key: string, load: LoadPage): FeedState & { more(): void } {
  const [current, setCurrent] = useState<{ key: string; feed: SampleFeed; state: FeedState }>()
  useEffect(() => {
    const feed = new SampleFeed(load, (state) => setCurrent({ key, feed, state }))
    void feed.more()
    return () => feed.stop()
  }, [key])
  const isCurrent = current !== undefined && current.key === key
  return {
    ...(isCurrent ? current.state : nothingYet),
    more: () => {
      if (isCurrent) void current.feed.more()
    },
  }
}
