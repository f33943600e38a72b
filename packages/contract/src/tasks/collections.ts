import { z } from 'zod'
import { Collection } from '../model/collections.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const CollectionListOutput = z
  .object({
    collections: z.array(Collection),
  })
  .meta({ id: 'CollectionListOutput' })
export type CollectionListOutput = z.infer<typeof CollectionListOutput>

export const CollectionOutput = z
  .object({
    collection: Collection,
  })
  .meta({ id: 'CollectionOutput' })
export type CollectionOutput = z.infer<typeof CollectionOutput>

export const CollectionPageOutput = z
  .object({ items: z.array(Collection), page: PageInfo })
  .meta({ id: 'CollectionPageOutput' })
export type CollectionPageOutput = z.infer<typeof CollectionPageOutput>

export const CreateCollectionInput = z
  .object({
    name: z.string(),
    description: nullable(z.string()),
    status: z.string().default('active'),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateCollectionInput' })
export type CreateCollectionInput = z.infer<typeof CreateCollectionInput>

export const UpdateCollectionInput = z
  .object({
    collection_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateCollectionInput' })
export type UpdateCollectionInput = z.infer<typeof UpdateCollectionInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const collectionsTasks = {
  'collections.create': task({
    summary: 'Creates a collection.',
    input: CreateCollectionInput,
    output: CollectionOutput,
  }),
  'collections.get': task({
    summary: 'Fetches one collection.',
    input: GetByIdInput,
    output: CollectionOutput,
    reads: true,
    statuses: [404],
  }),
  'collections.list': task({
    summary: 'Returns every collection matching a raw filter.',
    input: ListInput,
    output: CollectionListOutput,
    reads: true,
    statuses: [400],
  }),
  'collections.list_page': task({
    summary: 'One cursor page of collections.',
    input: PageInput,
    output: CollectionPageOutput,
    reads: true,
    statuses: [400],
  }),
  'collections.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateCollectionInput,
    output: CollectionOutput,
    statuses: [400, 404],
  }),
  'collections.delete': task({
    summary: 'Deletes the collection and all its items.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404],
  }),
} as const
