import {
  IngestAbandonInput,
  IngestAbandonOutput,
  IngestBeginInput,
  IngestCommitInput,
  IngestPlanInput,
  IngestPlanOutput,
  IngestSessionOutput,
} from '../model/ingest.ts'
import { task } from '../tasks/task.ts'

/**
 * The steps of a bulk ingest around the streamed groups: begin, plan and send groups, commit. Each is
 * harmless to repeat, so an interrupted ingest is continued by running it again.
 */
export const ingestTasks = {
  'ingest.begin': task({
    summary:
      'Opens, or reopens, the journal of an ingest into one dataset version and makes its annotation schemas.',
    input: IngestBeginInput,
    output: IngestSessionOutput,
    statuses: [404, 409],
  }),
  'ingest.plan': task({
    summary: 'Says which samples the journal holds already, with their digests.',
    input: IngestPlanInput,
    output: IngestPlanOutput,
    reads: true,
    statuses: [404],
  }),
  'ingest.commit': task({
    summary: 'Creates the dataset version from the journal, in the order of the ordinals.',
    input: IngestCommitInput,
    output: IngestSessionOutput,
    statuses: [404, 409],
  }),
  'ingest.abandon': task({
    summary: 'Forgets an uncommitted ingest: its journal, datums, annotations and assets.',
    input: IngestAbandonInput,
    output: IngestAbandonOutput,
    statuses: [404, 409],
  }),
} as const
