import assert from 'node:assert/strict'
import { openLake } from '@mindtrace/datalake'

await using lake = await openLake('./first-lake')
const { asset } = await lake.assets.createFromObject({
  name: 'parts/plate.txt',
  data_base64: Buffer.from('a plate with a scratch').toString('base64'),
  kind: 'document',
  media_type: 'text/plain',
})
await lake.aliases.add({ asset_id: asset.asset_id, alias: 'plate' })
const { body } = await lake.streams.readAsset(asset.asset_id)
assert.equal(await new Response(body).text(), 'a plate with a scratch')
