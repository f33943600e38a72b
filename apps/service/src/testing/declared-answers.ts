import type { ServerResponse } from 'node:http'

/** Looks into a body: gives what is wrong with it by the schema that the pointer leads to. */
export type BodyCheck = (schemaPointer: string, body: unknown) => string | undefined

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly responses: Readonly<Record<string, Json>>
}

interface Path {
  readonly path: string
  readonly matches: RegExp
  readonly operations: Readonly<Record<string, Operation>>
}

/** What answers at paths that no document describes: pages, MCP, and nothing at all. */
const undescribed = /^\/(?:docs(?:\/.*)?|redoc|mcp-server\/mcp\/?|.*\.(?:js|css|html))?$/

/**
 * Compares what a service answers with what its OpenAPI document declares: status, media type, the header Allow, and,
 * with `bodies`, what JSON holds.
 */
export class DeclaredAnswers {
  readonly #paths: readonly Path[]
  readonly #document: Json
  readonly #bodies: BodyCheck | undefined
  readonly #besides = new Set<string>()
  readonly #faults = new Set<string>()
  readonly #seen = new Set<string>()

  constructor(document: Json, options: { readonly bodies?: BodyCheck } = {}) {
    this.#document = document
    this.#bodies = options.bodies
    this.#paths = Object.entries(document.paths as Readonly<Record<string, Path['operations']>>)
      .map(([path, operations]) => ({ path, matches: patternOf(path), operations }))
      // What is written out goes before what has parameters.
      .sort((a, b) => parameters(a.path) - parameters(b.path))
  }

  /** What was answered since the last call and is not declared. */
  take(): readonly string[] {
    const faults = [...this.#faults]
    this.#faults.clear()
    return faults
  }

  /** What was answered, as `POST /assets.get 200`. */
  get seen(): ReadonlySet<string> {
    return this.#seen
  }

  /** Puts this before an app: whatever it answers from now on is compared, but at `besides`. */
  watch<App extends { fetch: (...args: never[]) => Response | Promise<Response> }>(
    app: App,
    besides?: string,
  ): App {
    if (besides !== undefined) this.#besides.add(besides)
    const { fetch } = app
    app.fetch = (async (...args: Parameters<App['fetch']>) => {
      const response = await fetch(...(args as never[]))
      await this.compare(args[0] as unknown as Request, sent(response, args[1]))
      return response
    }) as App['fetch']
    return app
  }

  /** Compares one answer. Its body is read only where it is JSON, and from a copy. */
  async compare(request: Pick<Request, 'method' | 'url'>, response: Response): Promise<void> {
    const { status } = response
    // Nobody sees the answer to a client that has gone.
    if (status === 499) return
    const path = pathOf(request.url)
    const found = this.#paths.find(({ matches }) => matches.test(path))
    if (found === undefined) {
      if (status !== 404 && status !== 401 && !undescribed.test(path) && !this.#besides.has(path)) {
        this.#faults.add(`${request.method} ${path} is not described`)
      }
      return
    }
    const what = `${request.method} ${found.path} ${status}`
    this.#seen.add(what)
    const fault = await this.#faultOf(found, request.method, response)
    if (fault !== undefined) this.#faults.add(`${what}${fault}`)
  }

  async #faultOf(path: Path, method: string, response: Response): Promise<string | undefined> {
    const name = method.toLowerCase()
    const operation = path.operations[name] ?? (name === 'head' ? path.operations.get : undefined)
    if (operation === undefined) {
      if (response.status === 401 || response.status === 429) return undefined
      if (response.status !== 405) return ': the method is not described'
      return response.headers.get('allow') === null ? ': the header Allow is missing' : undefined
    }
    const status = String(response.status)
    const declared = operation.responses[status]
    if (declared === undefined) return ''
    if (method === 'HEAD') return undefined
    const pointer = `/paths/${escaped(path.path)}/${name}/responses/${status}`
    return await this.#faultOfBody(this.#resolve(declared, pointer), response)
  }

  async #faultOfBody(
    { declared, pointer }: { readonly declared: Json; readonly pointer: string },
    response: Response,
  ): Promise<string | undefined> {
    const types = Object.keys((declared.content ?? {}) as Json)
    const type = response.headers.get('content-type')?.split(';')[0]?.trim() ?? ''
    if (types.length === 0) return type === '' ? undefined : `: ${type} where no body is declared`
    const fitting = types.find((one) => fits(type, one))
    if (fitting === undefined) return `: ${type || 'no body'} instead of ${types.join(' or ')}`
    if (this.#bodies === undefined || fitting !== 'application/json') return undefined
    const body: unknown = await response.clone().json()
    const fault = this.#bodies(`${pointer}/content/${escaped(fitting)}/schema`, body)
    return fault === undefined ? undefined : `: ${fault}`
  }

  /** The answer that is meant, where it stands. */
  #resolve(declared: Json, pointer: string): { readonly declared: Json; readonly pointer: string } {
    if (typeof declared.$ref !== 'string') return { declared, pointer }
    const place = declared.$ref.slice(1)
    let value: unknown = this.#document
    for (const part of place.split('/').slice(1)) value = (value as Json)[part]
    return { declared: value as Json, pointer: place }
  }
}

/** What went over the socket where a route has written to it by itself. */
function sent(response: Response, env: unknown): Response {
  if (!response.headers.has('x-hono-already-sent')) return response
  const { outgoing } = env as { readonly outgoing: ServerResponse }
  const headers = Object.entries(outgoing.getHeaders()).map(([name, value]) => [name, `${value}`])
  const { statusCode: status } = outgoing
  return new Response(null, { status, headers: headers as [string, string][] })
}

function patternOf(path: string): RegExp {
  const last = path.lastIndexOf('{')
  const pattern = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')
  // The last one may hold slashes where it ends the path.
  const open = last > 0 && path.endsWith('}') ? pattern.replace(/\[\^\/\]\+$/, '.+') : pattern
  return new RegExp(`^${open}/?$`)
}

function parameters(path: string): number {
  return path.split('{').length - 1
}

function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] || '/'
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

function fits(type: string, declared: string): boolean {
  if (declared === '*/*') return type !== ''
  return declared.endsWith('/*') ? type.startsWith(declared.slice(0, -1)) : type === declared
}
