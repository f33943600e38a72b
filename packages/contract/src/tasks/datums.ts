import { z } from 'zod'
import { Datum, ResolvedDatum } from '../model/datasets.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const CreateDatumInput = z
  .object({
    asset_refs: z.record(z.string(), z.string()),
    split: nullable(z.string()),
    metadata: nullable(jsonObject()),
    annotation_set_ids: nullable(z.array(z.string())),
  })
  .meta({ id: 'CreateDatumInput' })
export type CreateDatumInput = z.infer<typeof CreateDatumInput>

export const DatumListOutput = z
  .object({
    datums: z.array(Datum),
  })
  .meta({ id: 'DatumListOutput' })
export type DatumListOutput = z.infer<typeof DatumListOutput>

export const DatumOutput = z
  .object({
    datum: Datum,
  })
  .meta({ id: 'DatumOutput' })
export type DatumOutput = z.infer<typeof DatumOutput>

export const DatumPageOutput = z
  .object({ items: z.array(Datum), page: PageInfo })
  .meta({ id: 'DatumPageOutput' })
export type DatumPageOutput = z.infer<typeof DatumPageOutput>

export const ResolvedDatumOutput = z
  .object({
    resolved_datum: ResolvedDatum,
  })
  .meta({ id: 'ResolvedDatumOutput' })
export type ResolvedDatumOutput = z.infer<typeof ResolvedDatumOutput>

export const UpdateDatumInput = z
  .object({
    datum_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateDatumInput' })
export type UpdateDatumInput = z.infer<typeof UpdateDatumInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const datumsTasks = {
  'datums.create': task({
    summary: 'Creates a datum from role to asset id references and annotation set ids.',
    input: CreateDatumInput,
    output: DatumOutput,
    statuses: [400, 404],
  }),
  'datums.get': task({
    summary: 'Fetches one datum.',
    input: GetByIdInput,
    output: DatumOutput,
    reads: true,
    statuses: [404],
  }),
  'datums.list': task({
    summary: 'Returns every datum matching a raw filter.',
    input: ListInput,
    output: DatumListOutput,
    reads: true,
    statuses: [400],
  }),
  'datums.list_page': task({
    summary: 'One cursor page of datums.',
    input: PageInput,
    output: DatumPageOutput,
    reads: true,
    statuses: [400],
  }),
  'datums.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateDatumInput,
    output: DatumOutput,
    statuses: [400, 404],
  }),
  'datums.resolve': task({
    summary: 'Returns the datum with its assets, annotation sets and records.',
    input: GetByIdInput,
    output: ResolvedDatumOutput,
    mcp: true,
    statuses: [404],
  }),
} as const
