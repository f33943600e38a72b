import type { AddCommand } from '../../command.ts'
import { addImportVoc } from './voc.ts'

/** `mindtrace import FORMAT`: one subcommand for each format. */
export const addImport: AddCommand = (program, commands) => {
  const group = program.command('import').description('bring a dataset into the lake')
  addImportVoc(group, commands)
}
