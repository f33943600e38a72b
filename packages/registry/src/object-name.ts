import { MindtraceError } from '@mindtrace/core'

/** Folder of a local mount where unfinished writes lie. Not a name the reference uses. */
export const stagingFolder = '.mt-staging'

/** Where clients put bytes that a registry has yet to take. @see registry.md 16 */
export const uploadsFolder = '_direct_uploads'

const reserved = new Set([uploadsFolder, 'registry_metadata.json', stagingFolder])
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f]/

/**
 * Refuses names that could not be read back everywhere. Stricter than the reference, which writes some of
 * them; reading takes any name that {@link checkKey} takes.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` with the reason.
 */
export function checkObjectName(name: string): void {
  const problem = nameProblem(name)
  if (problem === undefined) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `object name ${JSON.stringify(name.slice(0, 80))} ${problem}`,
    { details: { name: name.slice(0, 300) } },
  )
}

function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'is empty'
  if (name.includes('@')) return "contains '@', which separates the version"
  if (name !== name.trim()) return 'begins or ends with white space'
  if (name.includes('\\')) return "contains a backslash; use '/'"
  if (control.test(name)) return 'contains a control character'
  if (name.includes('%3A')) return "contains '%3A', which stands for ':' on disk"
  const segments = name.split('/')
  if (segments.includes('')) return "has an empty segment: no '/' at either end, none doubled"
  if (segments.includes('.') || segments.includes('..')) return "has the segment '.' or '..'"
  const first = segments[0] ?? ''
  if (reserved.has(first) || first.startsWith('_meta_') || first.startsWith('_locks_')) {
    return `begins with '${first}', which the registry keeps for itself`
  }
  return undefined
}
