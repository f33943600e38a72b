import { z } from 'zod'
import { CollectionItem, ResolvedCollectionItem } from '../model/collections.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const CollectionItemListOutput = z
  .object({
    collection_items: z.array(CollectionItem),
  })
  .meta({ id: 'CollectionItemListOutput' })
export type CollectionItemListOutput = z.infer<typeof CollectionItemListOutput>

export const CollectionItemOutput = z
  .object({
    collection_item: CollectionItem,
  })
  .meta({ id: 'CollectionItemOutput' })
export type CollectionItemOutput = z.infer<typeof CollectionItemOutput>

export const CollectionItemPageOutput = z
  .object({ items: z.array(CollectionItem), page: PageInfo })
  .meta({ id: 'CollectionItemPageOutput' })
export type CollectionItemPageOutput = z.infer<typeof CollectionItemPageOutput>

export const CreateCollectionItemInput = z
  .object({
    collection_id: z.string(),
    asset_id: z.string(),
    split: nullable(z.string()),
    status: z.string().default('active'),
    metadata: nullable(jsonObject()),
    added_by: nullable(z.string()),
  })
  .meta({ id: 'CreateCollectionItemInput' })
export type CreateCollectionItemInput = z.infer<typeof CreateCollectionItemInput>

export const ResolvedCollectionItemOutput = z
  .object({
    resolved_collection_item: ResolvedCollectionItem,
  })
  .meta({ id: 'ResolvedCollectionItemOutput' })
export type ResolvedCollectionItemOutput = z.infer<typeof ResolvedCollectionItemOutput>

export const UpdateCollectionItemInput = z
  .object({
    collection_item_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateCollectionItemInput' })
export type UpdateCollectionItemInput = z.infer<typeof UpdateCollectionItemInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const collectionItemsTasks = {
  'collection_items.create': task({
    summary: 'Adds an asset to a collection.',
    input: CreateCollectionItemInput,
    output: CollectionItemOutput,
    statuses: [404, 409],
  }),
  'collection_items.get': task({
    summary: 'Fetches one item.',
    input: GetByIdInput,
    output: CollectionItemOutput,
    reads: true,
    statuses: [404],
  }),
  'collection_items.list': task({
    summary: 'Returns every item matching a raw filter.',
    input: ListInput,
    output: CollectionItemListOutput,
    reads: true,
    statuses: [400],
  }),
  'collection_items.list_page': task({
    summary: 'One cursor page of items.',
    input: PageInput,
    output: CollectionItemPageOutput,
    reads: true,
    statuses: [400],
  }),
  'collection_items.resolve': task({
    summary: 'Returns the item with its collection and its asset.',
    input: GetByIdInput,
    output: ResolvedCollectionItemOutput,
    reads: true,
    statuses: [404],
  }),
  'collection_items.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateCollectionItemInput,
    output: CollectionItemOutput,
    statuses: [400, 404, 409],
  }),
  'collection_items.delete': task({
    summary: 'Deletes one item.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404],
  }),
} as const
