import type { Collection } from '../collection.ts'
import type { Database } from '../database.ts'
import type { Repository } from '../repository.ts'
import { Albums, Photos } from './photo.ts'

/** Where one test's database lies: a file, a database name. What lies there goes when it is disposed. */
export interface DatabasePlace extends AsyncDisposable {
  /** What `open` takes. */
  readonly address: string
}

/** A driver as the conformance suite uses it. */
export interface DatabaseUnderTest {
  /** A new, empty place. */
  readonly place: () => Promise<DatabasePlace>
  /** Opens the database there. */
  readonly open: (address: string) => Promise<Database>
  /** What {@link Database.transactional} says. Without transactions their tests do not exist. Default: true. */
  readonly transactional?: boolean
  /**
   * How a child process opens a place: the exported function `call` of `module` (a URL), with
   * `argument(address)`. Undefined where no other process can.
   */
  readonly otherProcesses:
    | {
        readonly module: string
        readonly call: string
        readonly argument: (address: string) => unknown
      }
    | undefined
}

type DocumentsOf<C> = C extends Collection<infer T, infer I> ? Repository<T, I> : never

/** A database that a test has opened, with the suite's collections. */
export interface OpenedDatabase extends AsyncDisposable {
  readonly address: string
  readonly database: Database
  readonly photos: DocumentsOf<typeof Photos>
  readonly albums: DocumentsOf<typeof Albums>
}

/** Opens a database in a place of its own, or in `address`, which then stays. */
export async function opened(driver: DatabaseUnderTest, address?: string): Promise<OpenedDatabase> {
  await using stack = new AsyncDisposableStack()
  const at = address ?? stack.use(await driver.place()).address
  const database = stack.use(await driver.open(at))
  await database.init([Photos, Albums])
  const kept = stack.move()
  return {
    address: at,
    database,
    photos: database.repository(Photos),
    albums: database.repository(Albums),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** All of an async iterable. */
export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
