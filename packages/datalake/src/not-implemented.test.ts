import { allTasks, type TaskName } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { codeOf } from './testing/lake-under-test.ts'
import { openMemoryLake } from './testing/local-lakes.ts'

/** Answered by the service about its own process, never by a lake. */
const ofTheProcess = ['heartbeat', 'pid_file', 'server_id', 'shutdown']

test('these tasks have no handler yet, and all others have one', async () => {
  await using lake = await openMemoryLake()
  const missing: string[] = []
  for (const name of Object.keys(allTasks) as TaskName[]) {
    const code = await codeOf(() => lake.call(name, {} as never))
    if (code === 'NOT_IMPLEMENTED') missing.push(name)
  }
  const unbuilt = missing.filter((name) => !ofTheProcess.includes(name)).toSorted()
  expect(missing).toEqual(expect.arrayContaining(ofTheProcess))
  // This list may only become shorter.
  expect(unbuilt).toMatchInlineSnapshot(`
    [
      "dataset_sync.finalize_graph",
      "dataset_sync.hydrate_payload",
      "dataset_sync.import_graph",
      "dataset_versions.export",
      "dataset_versions.export_sync_graph",
      "dataset_versions.export_sync_payload_manifest",
      "dataset_versions.import_commit",
      "dataset_versions.import_job_result",
      "dataset_versions.import_job_status",
      "dataset_versions.import_prepare",
      "dataset_versions.import_prepare_start",
      "dataset_versions.import_session_commit",
      "dataset_versions.import_session_commit_metadata",
      "dataset_versions.import_session_start",
      "dataset_versions.import_session_status",
      "dataset_versions.import_session_upload_payload",
      "dataset_versions.import_start",
      "dataset_versions.streaming_import_finalize",
      "dataset_versions.streaming_import_push_batch",
      "dataset_versions.streaming_import_start",
      "replication.delete_local_payload",
      "replication.hydrate_asset_payload",
      "replication.mark_local_delete_eligible",
      "replication.reclaim_verified_payloads",
      "replication.reconcile",
      "replication.status",
      "replication.tasks.claim",
      "replication.tasks.enqueue",
      "replication.tasks.fail",
      "replication.tasks.get",
      "replication.tasks.list",
      "replication.tasks.purge",
      "replication.tasks.retry",
      "replication.tasks.update_status",
      "replication.upsert_batch",
    ]
  `)
})
