#!/usr/bin/env node
import { keepCompiled } from '../keep-compiled.ts'

keepCompiled()
const [{ main }, { processIo }] = await Promise.all([
  import('../main.ts'),
  import('../process-io.ts'),
])
process.exitCode = await main(process.argv.slice(2), processIo())
