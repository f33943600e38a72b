import type { AddCommand } from '../../command.ts'
import { addDbCopy } from './copy.ts'

/** `mindtrace db`: what concerns the database of a lake alone. */
export const addDb: AddCommand = (program, commands) => {
  const group = program.command('db').description("work on the database of a lake's records")
  addDbCopy(group, commands)
}
