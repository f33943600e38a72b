import { allTasks, type TaskName, taskPath } from '@mindtrace/contract'
import { serviceStreams } from './service-streams.ts'

/** The few paths that are neither a task's nor a stream's. */
const pages: Readonly<Record<string, string>> = {
  '/': 'page',
  '/docs': 'docs',
  '/health': 'health',
  '/metrics': 'metrics',
  '/openapi.json': 'openapi',
  '/ready': 'ready',
  '/v1/extensions': 'extensions',
}

/** What no route is behind, and the files of the page. */
const other = 'other'

/**
 * Finds the name of what a request asks for: a task, a stream or a page. There are as many as routes, whatever
 * clients send, so a name may be a label of a metric. It never holds an id or a path.
 */
export function createRouteNames(mcpPath: string): (method: string, path: string) => string {
  const tasks = new Map<string, string>()
  for (const name of Object.keys(allTasks) as TaskName[]) tasks.set(taskPath(name), name)
  const streams = Object.entries(serviceStreams).map(([name, { method, path }]) => ({
    name,
    method,
    pattern: patternOf(path),
  }))
  return (method, path) => {
    const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
    if (plain === mcpPath) return 'mcp'
    if (method === 'POST') {
      const task = tasks.get(plain)
      if (task !== undefined) return task
    }
    const asked = method === 'HEAD' ? 'GET' : method
    if (asked === 'GET' && Object.hasOwn(pages, plain)) return pages[plain] as string
    if (!plain.startsWith('/v1/')) return other
    return streams.find((one) => one.method === asked && one.pattern.test(plain))?.name ?? other
  }
}

/** A template as a pattern: `{+name}` may hold slashes, and so may the last part, which is an object's name. */
function patternOf(template: string): RegExp {
  const text = template
    .replace(/[.+](?![^{]*\})/g, '\\$&')
    .replace(/\{\+?\w+\+?\}$/, '.+')
    .replace(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${text}$`)
}
