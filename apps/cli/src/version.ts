import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** The version of this package, by whose name it is found: the commands are bundled. */
export const version: string = (
  JSON.parse(
    readFileSync(createRequire(import.meta.url).resolve('@mindtrace/cli/package.json'), 'utf8'),
  ) as { version: string }
).version
