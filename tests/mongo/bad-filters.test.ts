import { temporaryFolder } from '@mindtrace/core/testing'
import { mongoPlace } from '@mindtrace/database/testing'
import { openLake } from '@mindtrace/datalake'
import { createApp } from '@mindtrace/service'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

/** Every query and expression operator of MongoDB that is not in our grammar, and what may pass for one. */
const topLevel = (
  '$where $expr $nor $text $comment $jsonSchema $not $function $alwaysTrue $alwaysFalse $sampleRate ' +
  '$eq $ne $in $nin $gt $gte $lt $lte $exists $set $lookup $merge $out $query $orderby $isolated $'
).split(' ')
const ofPath = (
  '$not $regex $options $type $mod $all $elemMatch $size $bitsAllClear $bitsAllSet $bitsAnyClear ' +
  '$bitsAnySet $geoWithin $geoIntersects $near $nearSphere $where $expr $function $accumulator $ref $id ' +
  '$db $oid $date $numberLong $comment $rand $jsonSchema $and $or $nor $EQ $eq\\u0000 $'
).split(' ')
const prototypeKeys = ['constructor', 'prototype', 'toString', 'hasOwnProperty']

/** A filter as it comes over the wire, and what the refusal has to name. */
const bad: readonly (readonly [what: string, filter: string, named: string])[] = [
  ...topLevel.map((name) => [`${name} at the top`, `{"${name}":1}`, name] as const),
  ...ofPath.map((name) => [`${name} of a path`, `{"kind":{"${name}":"x"}}`, 'kind'] as const),
  ['$where in a list', '{"$and":[{"$or":[{"$where":"sleep(9999)"}]}]}', '$where'],
  ['code', '{"kind":{"$code":"x","$scope":{}}}', '$code'],
  ...prototypeKeys.flatMap((name) => [
    [`${name} as a path`, `{"${name}":{"x":1}}`, name] as const,
    [`${name} as an operator`, `{"kind":{"${name}":1}}`, 'kind'] as const,
    [`${name} within a path`, `{"kind.${name}":1}`, `kind.${name}`] as const,
  ]),
  ['__proto__ within a path', '{"kind.__proto__":1}', 'kind.__proto__'],
  ['a prototype key below a free field', '{"metadata.__proto__.x":1}', 'metadata.__proto__'],
  ['an unknown field', '{"kindd":"image"}', 'kindd'],
  ['an operator in a path', '{"metadata.$where":1}', 'metadata.$where'],
  ['an empty segment', '{"metadata..x":1}', 'metadata..x'],
  ['an object as value', '{"kind":{"a":1}}', 'kind'],
  ['a list as value', '{"kind":["image"]}', 'kind'],
  ['a wrong type', '{"size_bytes":"many"}', 'size_bytes'],
  ['a range of null', '{"size_bytes":{"$gt":null}}', 'size_bytes'],
  ['nothing in $in', '{"kind":{"$in":"image"}}', 'kind'],
  ['an empty $and', '{"$and":[]}', '$and'],
  ['$or of no filters', '{"$or":[1]}', 'filter'],
  ['90 levels', `${'{"$and":['.repeat(90)}{}${']}'.repeat(90)}`, '$and'],
  ['101 conditions', `{"$or":[${Array(101).fill('{"kind":"image"}').join()}]}`, '$and'],
  ['10,001 values', `{"kind":{"$in":[${Array(10_001).fill('"x"').join()}]}}`, 'kind'],
  ['10 MB in a value', `{"kind":"${'x'.repeat(10_000_000)}"}`, 'kind'],
  [
    '10 MB in many values',
    `{"kind":{"$in":[${Array(9999)
      .fill(`"${'x'.repeat(1000)}"`)
      .join()}]}}`,
    'kind',
  ],
  ['10 MB of paths', `{${Array(700_000).fill('"metadata.x":1').join()},"kindd":1}`, 'kindd'],
  ['10 MB in a path', `{"metadata.${'x'.repeat(10_000_000)}":1}`, 'metadata.x'],
]

const tasks = ['assets.list', 'assets.list_page'] as const

const places = [
  ['SQLite', async () => ({ address: undefined, [Symbol.asyncDispose]: async () => {} })],
  ['MongoDB', async () => mongoPlace(server)],
] as const

describe.each(places)('a filter outside the grammar, over HTTP on %s', (name, place) => {
  const it = test.skipIf(name === 'MongoDB' && server === '')
  const stack = new AsyncDisposableStack()
  let app: ReturnType<typeof createApp>

  beforeAll(async () => {
    if (name === 'MongoDB' && server === '') return
    const folder = stack.use(await temporaryFolder())
    const { address } = stack.use(await place())
    const settings = { slowOperations: 'allow' } as const
    const lake = stack.use(await openLake(folder.path, { database: address, settings }))
    const serverInfo = { serverId: '', pidFile: '', version: '0' }
    app = createApp({ lake, serverInfo })
    await lake.assets.createFromObject({
      name: 'one',
      data_base64: '',
      kind: 'image',
      media_type: 'image/png',
    })
  })
  afterAll(() => stack.disposeAsync())

  async function asked(task: string, filter: string) {
    const response = await app.request(`/${task}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"filters":${filter}}`,
    })
    return { status: response.status, text: await response.text() }
  }

  it.each(bad)('%s', async (_, filter, named) => {
    for (const task of tasks) {
      const { status, text } = await asked(task, filter)
      expect(status, text.slice(0, 300)).toBe(400)
      expect(JSON.parse(text).detail).toContain(named)
      expect(text.length).toBeLessThan(2000)
    }
  })

  it.each([
    ['{"__proto__":{"x":1}}', 'filters.__proto__'],
    ['{"kind":{"__proto__":{"x":1}}}', 'filters.kind.__proto__'],
  ])('%s is refused where JSON is read: no value of ours can hold it', async (filter, path) => {
    const { status, text } = await asked('assets.list', filter)
    expect([status, text]).toEqual([400, expect.stringContaining(path)])
  })

  it('1,000 levels are refused where JSON is read', async () => {
    const filter = `${'{"$and":['.repeat(1000)}{}${']}'.repeat(1000)}`
    const { status, text } = await asked('assets.list', filter)
    expect([status, text]).toEqual([422, expect.stringContaining('nested')])
  })

  it('changes nothing for the next one', async () => {
    expect(({} as { x?: unknown }).x).toBeUndefined()
    const { status, text } = await asked('assets.list', '{"kind":"image"}')
    expect([status, JSON.parse(text).assets.length]).toEqual([200, 1])
  })
})
