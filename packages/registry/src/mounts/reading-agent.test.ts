import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readingInPlace } from './reading-agent.ts'

const chunk = Buffer.alloc(1024 * 1024, 'some bytes that do not repeat at powers of two')
const chunks = 24
const wanted = createHash('sha256')
for (let index = 0; index < chunks; index++) wanted.update(chunk)
const digest = wanted.digest('hex')

async function answer(outgoing: {
  write(bytes: Uint8Array): boolean
  end(): unknown
  once: (event: 'drain', listener: () => void) => unknown
}): Promise<void> {
  for (let index = 0; index < chunks; index++) {
    if (!outgoing.write(chunk))
      await new Promise<void>((resolve) => outgoing.once('drain', resolve))
  }
  outgoing.end()
}

async function hashOf(body: IncomingMessage): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of body) hash.update(piece as Buffer)
  return hash.digest('hex')
}

describe('an agent that reads in place', () => {
  it('gives every byte, one request after another over one connection', async () => {
    let connections = 0
    const server = createServer((_, outgoing) => void answer(outgoing))
    server.on('connection', () => {
      connections += 1
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const agent = readingInPlace(new Agent({ keepAlive: true, maxSockets: 1 }))
    try {
      const { port } = server.address() as AddressInfo
      for (let round = 0; round < 3; round++) {
        const request = get({ host: '127.0.0.1', port, agent })
        const [body] = (await once(request, 'response')) as [IncomingMessage]
        expect(await hashOf(body)).toBe(digest)
      }
      expect(connections).toBe(1)
    } finally {
      agent.destroy()
      server.close()
    }
  })

  it('lets a server wait for a reader that does not read', async () => {
    let sent = 0
    const server = createServer((_, outgoing) => {
      const more = () => {
        while (outgoing.write(chunk)) sent += chunk.byteLength
        outgoing.once('drain', more)
      }
      more()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const agent = readingInPlace(new Agent({ keepAlive: true }))
    try {
      const { port } = server.address() as AddressInfo
      const request = get({ host: '127.0.0.1', port, agent })
      const [body] = (await once(request, 'response')) as [IncomingMessage]
      body.on('readable', () => {})
      let before = -1
      // Until what the system takes in is full.
      while (sent !== before) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      expect(body.readableLength).toBeLessThan(1024 * 1024)
      expect(sent).toBeLessThan(64 * 1024 * 1024)
      body.on('error', () => {})
      body.destroy()
    } finally {
      agent.destroy()
      server.closeAllConnections()
      server.close()
    }
  })
})
