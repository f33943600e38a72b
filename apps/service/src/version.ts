import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** The manifest of this package, by whose name it is found: a bundle lies elsewhere. */
export const manifestPath: string = createRequire(import.meta.url).resolve(
  '@mindtrace/service/package.json',
)

/** The version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(manifestPath, 'utf8')) as { version: string }).version
}
