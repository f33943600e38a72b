import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Runs each example as its reader would: against what was built, in an empty folder. An example asserts
// its own outcome.
const folder = fileURLToPath(new URL('../examples', import.meta.url))
let failed = 0
const stories = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'main.ts')))
for (const story of stories.sort()) {
  const cwd = mkdtempSync(join(tmpdir(), `mindtrace-${story}-`))
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, story, 'main.ts')], {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
  })
  rmSync(cwd, { recursive: true, force: true })
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} examples/${story}`)
  if (status === 0) continue
  failed += 1
  console.log(stdout, stderr)
}
process.exitCode = failed === 0 ? 0 : 1
