import { Command, CommanderError } from 'commander'
import type { AddCommand, CommandResult } from './command.ts'
import { addAudit } from './commands/audit.ts'
import { addBackup } from './commands/backup.ts'
import { addCache } from './commands/cache.ts'
import { addCat } from './commands/cat.ts'
import { addDb } from './commands/db/db.ts'
import { addDoctor } from './commands/doctor.ts'
import { addGc } from './commands/gc.ts'
import { addImport } from './commands/import/import.ts'
import { addKeys } from './commands/keys/keys.ts'
import { addLs } from './commands/ls.ts'
import { addMcp } from './commands/mcp.ts'
import { addQuickstart } from './commands/quickstart.ts'
import { addServe } from './commands/serve.ts'
import { addShow } from './commands/show.ts'
import { addStats } from './commands/stats.ts'
import { addVerify } from './commands/verify.ts'
import { exitCode } from './exit-code.ts'
import type { Io } from './io.ts'
import { version } from './version.ts'

/** Every command, in the order in which help lists them. */
const commands: readonly AddCommand[] = [
  addQuickstart,
  addServe,
  addMcp,
  addImport,
  addLs,
  addShow,
  addCat,
  addStats,
  addVerify,
  addGc,
  addCache,
  addDoctor,
  addBackup,
  addDb,
  addKeys,
  addAudit,
]

const examples = `
Examples:
  mindtrace quickstart                                   a sample dataset, served, to look at
  mindtrace import voc ./VOCdevkit --dataset pets        a VOC folder into ./lake
  mindtrace import voc ./data --dataset pets@2 --lake http://127.0.0.1:8080
  mindtrace import voc /data/voc --dataset big --in-place  nothing is copied
  mindtrace verify --read-data                           whether all bytes are what was recorded
  mindtrace serve --lake ./lake                          the service and its page
  mindtrace mcp --lake ./lake                            for an MCP client to start
  mindtrace ls assets --filter '{"kind":"image"}' --json | head
  mindtrace keys create --name me --role admin --lake ./lake   prints a key; then serve --host 0.0.0.0 asks for one

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 done except for the items in "errors", 130 interrupted.
`

/** Parses the arguments, runs the command and gives its exit code. */
export async function runProgram(argv: readonly string[], io: Io): CommandResult {
  let code: number = exitCode.done
  const write = (output: Io['stdout']) => (text: string) => void output.write(text)
  const program = new Command('mindtrace')
    .description('A datalake for computer vision: images, annotations and versions of both.')
    .version(version)
    .addHelpText('after', examples)
    .configureOutput({ writeOut: write(io.stdout), writeErr: write(io.stderr) })
    .exitOverride()
  for (const add of commands) {
    add(program, {
      io,
      run:
        (action) =>
        async (...args) => {
          code = await action(...args)
        },
    })
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? exitCode.done : exitCode.usage
  }
}
