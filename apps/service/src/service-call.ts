import type { Lake, TaskCall, TaskName, TaskOutput } from '@mindtrace/contract'
import { isProcessTask, type ProcessTasks } from './process-tasks.ts'

/** Every task of the service: those about the process answered here, the others by the lake. */
export function createServiceCall(lake: Pick<Lake, 'call'>, process: ProcessTasks): TaskCall {
  return async <Name extends TaskName>(
    name: Name,
    input: Parameters<typeof lake.call<Name>>[1],
    options?: Parameters<TaskCall>[2],
  ): Promise<TaskOutput<Name>> =>
    isProcessTask(name) ? (process[name]() as TaskOutput<Name>) : lake.call(name, input, options)
}
