import { MindtraceError } from '@mindtrace/core'
import type mongoose from 'mongoose'
import type { MongoOptions } from './mongo-database.ts'

/**
 * The name of the database that an address means.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT`, never with the whole address, which may hold a password.
 */
export function databaseNameOf(url: string, given?: string | undefined): string {
  const match = /^mongodb(?:\+srv)?:\/\/[^/?]+(?:\/([^?]*))?(?:\?.*)?$/s.exec(url)
  if (match === null) {
    throw invalid('this is no address of a MongoDB database')
  }
  const name = given ?? decoded(match[1] ?? '')
  if (name === '') throw invalid('the address names no database')
  // What the server allows in the name of a database, on any system.
  if (/^[^/\\. "$*<>:|?\p{Cc}]{1,63}$/u.test(name)) return name
  // Not quoted: behind a password with a slash, what stands there is the rest of it.
  if (given === undefined) throw invalid('what the address names is no name of a database')
  throw invalid(`'${name.slice(0, 64)}' is no name of a database`)
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch (cause) {
    throw invalid('the name of the database has a % that stands for nothing', cause)
  }
}

/** What the client is opened with; of times, pools and guarantees the address has the last word. */
export function clientOptions(
  options: MongoOptions,
  name: string,
): mongoose.mongo.MongoClientOptions & { readonly dbName: string } {
  const query = new URLSearchParams(/\?(.*)$/s.exec(options.url)?.[1])
  const said = new Set([...query.keys()].map((key) => key.toLowerCase()))
  const ours = {
    serverSelectionTimeoutMS: options.selectionTimeoutMs ?? 5000,
    connectTimeoutMS: options.connectTimeoutMs ?? 5000,
    maxPoolSize: options.maxPoolSize ?? 100,
    minPoolSize: options.minPoolSize ?? 0,
    appName: options.appName ?? 'mindtrace',
    // Also where the deployment's default is less: what was acknowledged outlives the primary.
    w: 'majority' as const,
  }
  return {
    ...Object.fromEntries(Object.entries(ours).filter(([key]) => !said.has(key.toLowerCase()))),
    dbName: name,
    // The client looks names of fields up in it, and in an object of the usual kind it finds `constructor`: the
    // documents in a list of that name would come as raw bytes.
    fieldsAsRaw: Object.create(null),
  }
}

function invalid(reason: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `${reason}: write mongodb://HOST/NAME or mongodb+srv://HOST/NAME, with special characters as %XX`,
    cause === undefined ? {} : { cause },
  )
}
