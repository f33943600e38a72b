import type { Agent, ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'

const bufferBytes = 64 * 1024

/**
 * Makes the connections of an agent read into one piece of memory each, instead of a new one for every 64 KiB, which is
 * garbage that V8 collects late. The HTTP parser copies what it gives out, so the memory is free again when the
 * event is over.
 *
 * @see https://nodejs.org/api/net.html#socketconnectoptions-connectlistener, `onread`
 */
export function readingInPlace<A extends Agent>(agent: A): A {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options: ClientRequestArgs, onConnect) => {
    const onread = {
      buffer: Buffer.allocUnsafeSlow(bufferBytes),
      callback: (length: number, buffer: Uint8Array) => {
        socket?.emit('data', buffer.subarray(0, length))
        return true // when to pause is for the request to say
      },
    }
    const socket: Duplex | null | undefined = connect(
      { ...options, onread } as ClientRequestArgs,
      onConnect,
    )
    return socket
  }
  return agent
}
