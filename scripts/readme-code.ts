import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/*
 * Keeps the code in the README the code of an example that runs: the block after `<!-- PATH -->` is the file at PATH, without
 * its assertions. `--check` only compares and fails.
 */
const root = new URL('../', import.meta.url)
const readme = fileURLToPath(new URL('README.md', root))
const before = readFileSync(readme, 'utf8')
const after = before.replace(
  /<!-- (examples\/[\w/-]+\.ts) -->\n```ts\n[\s\S]*?```/g,
  (_block, path: string) => {
    const code = readFileSync(new URL(path, root), 'utf8')
      .replace(/^import assert from .*\n/m, '')
      .replace(/^assert\.equal\((.*), '.*'\)$/gm, 'console.log($1)')
    return `<!-- ${path} -->\n\`\`\`ts\n${code.trim()}\n\`\`\``
  },
)
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('README.md shows other code than its examples: run `pnpm readme`')
    process.exitCode = 1
  }
} else writeFileSync(readme, after)
