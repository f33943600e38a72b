import { describe, expect, it } from 'vitest'
import type { Sample } from './sample.ts'
import { type FeedState, SampleFeed } from './sample-feed.ts'

const sample = (datumId: string) => ({ datumId }) as Sample

describe('SampleFeed', () => {
  it('loads page after page up to the end', async () => {
    const cursors: (string | null)[] = []
    const feed = new SampleFeed(
      async (cursor) => {
        cursors.push(cursor)
        return { samples: [sample(String(cursor))], next: cursor === null ? 'b' : null }
      },
      () => {},
    )
    await feed.more()
    expect(feed.state.status).toBe('more')
    await feed.more()
    await feed.more()
    expect(feed.state.status).toBe('end')
    expect(feed.state.pages.flat().map((s) => s.datumId)).toEqual(['null', 'b'])
    expect(cursors).toEqual([null, 'b'])
  })

  it('asks for a page only once at a time', async () => {
    let calls = 0
    const feed = new SampleFeed(
      async () => {
        calls++
        return { samples: [], next: 'x' }
      },
      () => {},
    )
    await Promise.all([feed.more(), feed.more()])
    expect(calls).toBe(1)
  })

  it('goes on from the same place after a failure', async () => {
    let isBroken = true
    const feed = new SampleFeed(
      async () => {
        if (isBroken) throw new Error('offline')
        return { samples: [sample('a')], next: null }
      },
      () => {},
    )
    await feed.more()
    expect(feed.state).toMatchObject({ status: 'failed', error: new Error('offline') })
    isBroken = false
    await feed.more()
    expect(feed.state).toMatchObject({ status: 'end', error: undefined })
  })

  it('says nothing after it was stopped', async () => {
    const states: FeedState[] = []
    const feed = new SampleFeed(
      async () => ({ samples: [], next: null }),
      (state) => states.push(state),
    )
    const loading = feed.more()
    feed.stop()
    await loading
    expect(states.map((state) => state.status)).toEqual(['loading'])
  })
})
