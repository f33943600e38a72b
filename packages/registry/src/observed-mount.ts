import { inSpan, type Span, type Tracer } from '@mindtrace/core'
import type { Mount, MountRead, ReadOptions, Written } from './mount.ts'

/** Bytes that went through one mount since it was opened. What clients move by signed requests is not among them. */
export interface MountTraffic {
  /** Of the objects and pieces that were opened: a reader that goes away early has had fewer. */
  readBytes: number
  writtenBytes: number
}

/** What is told of a mount's calls. */
export interface MountObserver {
  /** The mount's name in its lake. */
  readonly name: string
  readonly traffic: MountTraffic
  /** Gets a span for each call. */
  readonly tracer?: Tracer | undefined
}

/** Calls that go to the store. Spans of them say which mount, and never a key. */
const traced: ReadonlySet<string> = new Set([
  'abortParts',
  'beginParts',
  'completeParts',
  'copy',
  'delete',
  'deleteMany',
  'head',
  'isLocked',
  'listParts',
  'lock',
  'ping',
  'publish',
  'read',
  'stage',
  'sweep',
  'write',
  'writePart',
])
const tracedLists: ReadonlySet<string> = new Set(['list', 'listFolder'])

type Method = (...args: never[]) => unknown

/** The mount, with its bytes counted and its calls timed. */
export function observedMount(mount: Mount, { name, traffic, tracer }: MountObserver): Mount {
  const counted: Record<string, Method> = {
    read: async (key: string, options?: ReadOptions): Promise<MountRead> => {
      const opened = await mount.read(key, options)
      const { start = 0, end = opened.sizeBytes } = options?.range ?? {}
      traffic.readBytes += Math.min(end, opened.sizeBytes) - start
      return opened
    },
  }
  const results: Record<string, (result: never) => void> = {
    write: ({ sizeBytes }: Written) => {
      traffic.writtenBytes += sizeBytes
    },
    writePart: ({ sizeBytes }: Pick<Written, 'sizeBytes'>) => {
      traffic.writtenBytes += sizeBytes
    },
    publish: (outcomes: readonly PromiseSettledResult<Written>[]) => {
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') traffic.writtenBytes += outcome.value.sizeBytes
      }
    },
  }
  const attributes = { 'mindtrace.mount': name }
  const wrapped = (method: string, call: Method): Method => {
    const count = results[method]
    const counting: Method =
      count === undefined
        ? call
        : async (...args) => {
            const result = await call(...args)
            count(result as never)
            return result
          }
    if (tracer === undefined) return counting
    if (traced.has(method)) {
      return (...args) =>
        inSpan(tracer, `mount ${method}`, attributes, async () => await counting(...args))
    }
    if (!tracedLists.has(method)) return counting
    return (...args) =>
      spanned(call(...args) as AsyncIterable<unknown>, () =>
        tracer.start(`mount ${method}`, attributes),
      )
  }
  const made = new Map<string | symbol, unknown>()
  return new Proxy(mount, {
    get(target, property) {
      const known = made.get(property)
      if (known !== undefined) return known
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function') return member
      const call: Method =
        typeof property === 'string' && Object.hasOwn(counted, property)
          ? (counted[property] as Method)
          : (member.bind(target) as Method)
      const method = typeof property === 'string' ? wrapped(property, call) : call
      made.set(property, method)
      return method
    },
  })
}

/** A list whose span lasts from its first step to its end. */
async function* spanned<T>(
  items: AsyncIterable<T>,
  begin: () => Span | undefined,
): AsyncGenerator<T> {
  const span = begin()
  try {
    yield* items
  } catch (error) {
    span?.end(error)
    throw error
  } finally {
    span?.end()
  }
}
