import { z } from 'zod'
import { jsonObject, nullable } from '../model/primitives.ts'
import { task } from './task.ts'

export const ClassNameOutput = z
  .object({
    class_name: z.string(),
  })
  .meta({ id: 'ClassNameOutput' })
export type ClassNameOutput = z.infer<typeof ClassNameOutput>

export const DatalakeHealthOutput = z
  .object({
    status: z.string(),
    database: z.string(),
    default_mount: z.string(),
  })
  .meta({ id: 'DatalakeHealthOutput' })
export type DatalakeHealthOutput = z.infer<typeof DatalakeHealthOutput>

export const DatalakeSummaryOutput = z
  .object({
    summary: z.string(),
  })
  .meta({ id: 'DatalakeSummaryOutput' })
export type DatalakeSummaryOutput = z.infer<typeof DatalakeSummaryOutput>

export const DatalakeWipeInput = z
  .object({
    delete_payloads: z.boolean().default(true),
    delete_metadata: z.boolean().default(true),
    clear_registry_metadata: z.boolean().default(false),
  })
  .meta({ id: 'DatalakeWipeInput' })
export type DatalakeWipeInput = z.infer<typeof DatalakeWipeInput>

export const DatalakeWipeOutput = z
  .object({
    database: z.string(),
    deleted_payloads: z.boolean(),
    deleted_metadata: z.boolean(),
    clear_registry_metadata: z.boolean(),
    cleared_mounts: z.array(z.string()).default([]),
  })
  .meta({ id: 'DatalakeWipeOutput' })
export type DatalakeWipeOutput = z.infer<typeof DatalakeWipeOutput>

export const EndpointsOutput = z
  .object({
    endpoints: z.array(z.string()),
  })
  .meta({ id: 'EndpointsOutput' })
export type EndpointsOutput = z.infer<typeof EndpointsOutput>

export const ServerStatus = z
  .enum(['Down', 'Launching', 'FailedToLaunch', 'Available', 'Stopping'])
  .meta({ id: 'ServerStatus' })
export type ServerStatus = z.infer<typeof ServerStatus>

export const Heartbeat = z
  .object({
    status: ServerStatus.default('Down'),
    server_id: nullable(z.string()),
    message: nullable(z.string()),
    details: z.unknown().default(null),
  })
  .meta({ id: 'Heartbeat' })
export type Heartbeat = z.infer<typeof Heartbeat>

export const HeartbeatOutput = z
  .object({
    heartbeat: Heartbeat,
  })
  .meta({ id: 'HeartbeatOutput' })
export type HeartbeatOutput = z.infer<typeof HeartbeatOutput>

export const MountsOutput = z
  .object({
    default_mount: z.string(),
    mounts: z.array(jsonObject()),
  })
  .meta({ id: 'MountsOutput' })
export type MountsOutput = z.infer<typeof MountsOutput>

export const PIDFileOutput = z
  .object({
    pid_file: z.string(),
  })
  .meta({ id: 'PIDFileOutput' })
export type PIDFileOutput = z.infer<typeof PIDFileOutput>

export const ServerIDOutput = z
  .object({
    server_id: z.string(),
  })
  .meta({ id: 'ServerIDOutput' })
export type ServerIDOutput = z.infer<typeof ServerIDOutput>

export const ShutdownOutput = z
  .object({
    shutdown: z.boolean(),
  })
  .meta({ id: 'ShutdownOutput' })
export type ShutdownOutput = z.infer<typeof ShutdownOutput>

export const StatusOutput = z
  .object({
    status: ServerStatus,
  })
  .meta({ id: 'StatusOutput' })
export type StatusOutput = z.infer<typeof StatusOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const serviceTasks = {
  endpoints: task({
    summary:
      'Lists the names of all registered tasks, default ones included, in registration order.',
    input: null,
    output: EndpointsOutput,
    mcp: true,
  }),
  status: task({
    summary: 'Reports the process status; a running service always answers Available.',
    input: null,
    output: StatusOutput,
    mcp: true,
  }),
  heartbeat: task({
    summary:
      'Returns a heartbeat object: status, server id, a fixed success message, details null.',
    input: null,
    output: HeartbeatOutput,
    mcp: true,
  }),
  server_id: task({
    summary: 'Returns the UUID of this server.',
    input: null,
    output: ServerIDOutput,
    reads: true,
  }),
  class_name: task({
    summary: 'Returns the concrete service class name, here DatalakeService.',
    input: null,
    output: ClassNameOutput,
    reads: true,
  }),
  pid_file: task({
    summary: "Returns the path of the pid file on the server's disk.",
    input: null,
    output: PIDFileOutput,
    reads: true,
  }),
  shutdown: task({
    summary: 'Stops the server process (and its process manager).',
    input: null,
    output: ShutdownOutput,
    needs: 'destructive',
    statuses: [403],
  }),
  health: task({
    summary: 'Static ok plus database name and default mount; triggers lazy initialisation.',
    input: null,
    output: DatalakeHealthOutput,
    mcp: true,
  }),
  summary: task({
    summary: 'One-line text with the database, the default mount and nine document counts.',
    input: null,
    output: DatalakeSummaryOutput,
    mcp: true,
  }),
  mounts: task({
    summary: 'Lists configured mounts and the default mount.',
    input: null,
    output: MountsOutput,
    reads: true,
  }),
  'datalake.wipe': task({
    summary: 'Deletes all payloads on all mounts and/or drops the metadata database.',
    input: DatalakeWipeInput,
    output: DatalakeWipeOutput,
    needs: 'destructive',
    statuses: [400, 403, 404],
  }),
} as const
