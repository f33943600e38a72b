import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The folder of this package, by whose name it is found: a bundle lies elsewhere. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('@mindtrace/service/package.json'))
}

/** The version of this package. */
export function packageVersion(): string {
  const manifest = readFileSync(join(packageFolder(), 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
