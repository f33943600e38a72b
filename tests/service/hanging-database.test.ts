import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { mongoPlace } from '@mindtrace/database/testing'
import { describe, expect, test } from 'vitest'
import { backEnds } from '../access/served-lake.ts'
import { serveProcess, until } from './served-process.ts'

/** A way to a server that can be closed without anybody noticing: nothing passes any more, and nothing breaks. */
async function wayTo(port: number) {
  let isOpen = true
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.on('data', (bytes) => isOpen && to.write(bytes))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      isOpen = false
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe.each(backEnds.filter(([, kind, missing]) => kind === 'mongodb' && !missing))(
  'a database that hangs: %s',
  () => {
    test('is named by /ready, and does not keep the process from ending', async () => {
      await using place = mongoPlace(process.env.MINDTRACE_TEST_MONGODB_URL ?? '')
      const database = new URL(place.address)
      await using way = await wayTo(Number(database.port))
      database.port = String(way.port)
      database.searchParams.delete('replicaSet')
      database.searchParams.set('directConnection', 'true')
      await using served = await serveProcess({
        args: ['--log', 'json', '--shutdown-timeout', '1'],
        env: { MINDTRACE_DATABASE: database.href },
      })
      const summary = () =>
        fetch(`${served.address}/summary`, { method: 'POST' }).then(
          ({ status }) => status,
          () => 'broken off',
        )
      expect(await summary()).toBe(200)
      way.close()
      const waiting = summary()
      let answer = { status: 'ready' }
      await until(async () => {
        answer = (await (await fetch(`${served.address}/ready`)).json()) as { status: string }
        return answer.status !== 'ready'
      })
      expect(answer).toMatchObject({ parts: [{ part: 'database' }] })
      expect((await fetch(`${served.address}/health`)).status).toBe(200)
      served.kill('SIGTERM')
      const { code, signal, stderr } = await served.finished
      expect(signal).toBeNull()
      await waiting
      // Whether the driver gives up before the process does is the driver's affair; that neither waits for ever is ours.
      expect([0, 1]).toContain(code)
      expect(stderr.includes('does not end in time')).toBe(code === 1)
    }, 90_000)
  },
)
