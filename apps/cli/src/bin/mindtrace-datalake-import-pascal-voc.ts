#!/usr/bin/env node
import { keepCompiled } from '../keep-compiled.ts'

keepCompiled()
const [{ importPascalVocMain }, { processIo }] = await Promise.all([
  import('../pascal-voc/command.ts'),
  import('../process-io.ts'),
])
process.exitCode = await importPascalVocMain(process.argv.slice(2), processIo())
