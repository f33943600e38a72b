import type { AddCommand } from '../../command.ts'
import { addKeysCreate } from './create.ts'
import { addKeysList } from './list.ts'
import { addKeysRevoke } from './revoke.ts'

/** `mindtrace keys`: who may use a served lake. */
export const addKeys: AddCommand = (program, commands) => {
  const group = program.command('keys').description('make, list and revoke keys of a served lake')
  addKeysCreate(group, commands)
  addKeysList(group, commands)
  addKeysRevoke(group, commands)
}
