import type { TaskName } from '@mindtrace/contract'

const reading =
  /(?:^|[._])(?:get|get_by_\w+|list|list_\w+|head|resolve|view_page|download_urls?|status|progress|result|stats|facets|plan|verify|verify_integrity|export|summary|health|heartbeat|mounts|endpoints|server_id|class_name|pid_file)$/

/** Tasks whose names read like that but that write: asking again might not be harmless. */
const writing: ReadonlySet<string> = new Set<TaskName>(['replication.tasks.update_status'])

/** Whether a task only reads, so that a call whose connection broke may be made again. */
export function isReadTask(name: TaskName): boolean {
  return reading.test(name) && !writing.has(name)
}
