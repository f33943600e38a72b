import { globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RolldownOutput, rolldown } from 'rolldown'

/*
 * Puts each command into one file and what it loads later into a few more: to find, read and link the 660 modules of
 * `mindtrace serve` takes as long as everything else until it answers. What is native, or optional and large, is loaded
 * from its package.
 */
const folder = join(import.meta.dirname, 'dist', 'bin')
const packages = [/^@aws-sdk\//, /^@google-cloud\//, /^@opentelemetry\//, 'pino', 'sharp']

for (const old of globSync(['*.js', '*.js.map', 'parts/*'], { cwd: folder })) {
  rmSync(join(folder, old), { recursive: true })
}
const commands = readdirSync(join(import.meta.dirname, 'src', 'bin'))
const bundle = await rolldown({
  input: commands.map((name) => join(import.meta.dirname, 'src', 'bin', name)),
  platform: 'node',
  external: packages,
  resolve: { conditionNames: ['@mindtrace/source', 'node', 'import', 'default'] },
})
const { output } = await bundle.write({
  dir: folder,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: 'parts/[name]-[hash].js',
})
writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), licencesOf(output))

/** The licences of all packages of others of which something is in the files. */
function licencesOf(files: RolldownOutput['output']): string {
  const roots = new Set<string>()
  for (const file of files) {
    for (const id of file.type === 'chunk' ? file.moduleIds : []) {
      const [root] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? []
      if (root !== undefined) roots.add(root)
    }
  }
  const texts = [...roots].map((root) => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
    const { name, version, license, repository } = manifest
    const [file] = globSync('{LICENSE,LICENCE,License,license}*', { cwd: root })
    if (file === undefined && license === undefined) {
      throw new Error(`${name} does not tell its licence, so it can't be shipped`)
    }
    const told = `${license}, see ${typeof repository === 'string' ? repository : repository?.url}`
    const text = file === undefined ? told : readFileSync(join(root, file), 'utf8').trim()
    return `${name} ${version}\n\n${text}\n`
  })
  return texts.sort().join(`\n${'-'.repeat(80)}\n\n`)
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly repository?: string | { readonly url: string }
}
