import { z } from 'zod'
import { Asset } from './assets.ts'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'

export const Collection = z
  .object({
    _id: objectIdHex(),
    collection_id: z.string(),
    name: z.string(),
    description: nullable(z.string()),
    status: z.enum(['active', 'archived', 'deleted']).default('active'),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'Collection' })
export type Collection = z.infer<typeof Collection>

export const CollectionItem = z
  .object({
    _id: objectIdHex(),
    collection_item_id: z.string(),
    collection_id: z.string(),
    asset_id: z.string(),
    split: nullable(z.enum(['train', 'val', 'test'])),
    status: z.enum(['active', 'hidden', 'removed']).default('active'),
    metadata: jsonObject().default({}),
    added_at: instant(),
    added_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'CollectionItem' })
export type CollectionItem = z.infer<typeof CollectionItem>

export const ResolvedCollectionItem = z
  .object({
    collection_item: CollectionItem,
    collection: Collection,
    asset: Asset,
  })
  .meta({ id: 'ResolvedCollectionItem' })
export type ResolvedCollectionItem = z.infer<typeof ResolvedCollectionItem>
