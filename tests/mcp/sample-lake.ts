import type { Lake } from '@mindtrace/contract'
import { openLake } from '@mindtrace/datalake'

/** The bytes of a small PNG image. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAFElEQVR4nGM8ISfHgA0wYRWlkwQAmxQBECiKgAAAAAAASUVORK5CYII=',
  'base64',
)

/** A lake with an image in a dataset of one datum, and a text. */
export interface SampleLake extends AsyncDisposable {
  readonly lake: Lake
  readonly imageId: string
  readonly textId: string
}

/** Makes a {@link SampleLake} in a folder. The dataset is `pets/small 1` in version 1.0.0. */
export async function openSampleLake(folder: string): Promise<SampleLake> {
  const lake = await openLake(folder, { create: true })
  const create = async (name: string, bytes: Buffer, kind: 'image' | 'document', type: string) => {
    const { asset } = await lake.assets.createFromObject({
      name,
      data_base64: bytes.toString('base64'),
      kind,
      media_type: type,
    })
    return asset.asset_id
  }
  const imageId = await create('one.png', png, 'image', 'image/png')
  const textId = await create('one.txt', Buffer.from('grüße'), 'document', 'text/plain')
  const { datum } = await lake.datums.create({ asset_refs: { image: imageId }, split: 'train' })
  await lake.datasetVersions.create({
    dataset_name: 'pets/small 1',
    version: '1.0.0',
    manifest: [datum.datum_id],
  })
  return { lake, imageId, textId, [Symbol.asyncDispose]: () => lake[Symbol.asyncDispose]() }
}
