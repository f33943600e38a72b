#!/usr/bin/env node
import { importPascalVocMain } from '../pascal-voc/command.ts'
import { processIo } from '../process-io.ts'

process.exitCode = await importPascalVocMain(process.argv.slice(2), processIo())
