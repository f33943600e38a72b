import { connectLake } from '@mindtrace/client'
import { createLake, type Lake, type LakeAdapter, type TaskCall } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { createApp } from './app.ts'

test('smoke', async () => {
  const calls: unknown[] = []
  const lake = createLake({
    call: (async (name: string, input: unknown) => {
      calls.push([name, input])
      return { summary: 'x' }
    }) as unknown as TaskCall,
    streams: {} as LakeAdapter['streams'],
    dispose: async () => {},
  })
  const app = createApp({ lake, serverInfo: { serverId: 'x', pidFile: 'y', version: '1' } })
  const remote: Lake = connectLake('http://lake', {
    fetch: (i, init) => Promise.resolve(app.request(i as string, init)),
  })
  expect(await remote.summary()).toEqual({ summary: 'x' })
  expect((await remote.endpoints()).endpoints).toHaveLength(116)
  expect().toEqual({})
})
