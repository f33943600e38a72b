import { type TaskName, type TaskOutput, tasks } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'

/** Facts about the running process that its default tasks tell. */
export interface ServerInfo {
  /** A UUID; the Python client parses it. */
  readonly serverId: string
  readonly pidFile: string
  /** Version of this package, for the OpenAPI document. */
  readonly version: string
}

/** The tasks that are about the process, not about the lake: they answer before the lake is ready. */
export type ProcessTaskName =
  | 'endpoints'
  | 'status'
  | 'heartbeat'
  | 'server_id'
  | 'class_name'
  | 'pid_file'
  | 'shutdown'

/** One handler for each of them. */
export type ProcessTasks = {
  readonly [Name in ProcessTaskName]: () => TaskOutput<Name>
}

/** `shutdown` is refused unless the embedding gives a callback for it, which is called afterwards. */
export function createProcessTasks(
  { serverId, pidFile }: ServerInfo,
  shutdown: (() => void) | undefined,
): ProcessTasks {
  return {
    endpoints: () => ({ endpoints: Object.keys(tasks) }),
    status: () => ({ status: 'Available' }),
    heartbeat: () => ({
      heartbeat: {
        status: 'Available',
        server_id: serverId,
        message: 'Heartbeat check successful.',
        details: null,
      },
    }),
    server_id: () => ({ server_id: serverId }),
    class_name: () => ({ class_name: 'DatalakeService' }),
    pid_file: () => ({ pid_file: pidFile }),
    shutdown: () => {
      if (shutdown === undefined) {
        throw new MindtraceError('FORBIDDEN', 'this service may not be shut down over HTTP')
      }
      // Not before the acknowledgement is on its way.
      setImmediate(shutdown)
      return { shutdown: true }
    },
  }
}

/** Whether the service answers a task by itself. */
export function isProcessTask(name: TaskName): name is ProcessTaskName {
  return Object.hasOwn(processTaskNames, name)
}

const processTaskNames: Readonly<Record<ProcessTaskName, true>> = {
  endpoints: true,
  status: true,
  heartbeat: true,
  server_id: true,
  class_name: true,
  pid_file: true,
  shutdown: true,
}
