import fc from 'fast-check'
import { z } from 'zod'
import { defineCollection } from '../collection.ts'
import type { Filter } from '../filter.ts'

/** A collection with a path of every kind, some indexed. */
export const Things = defineCollection({
  name: 'things',
  key: 'thing_id',
  schema: z.object({
    thing_id: z.string(),
    text: z.string().nullable(),
    amount: z.number().nullable(),
    flag: z.boolean().nullable(),
    at: z.iso.datetime().nullable(),
    tags: z.array(z.string()),
    sizes: z.array(z.number()),
    flags: z.array(z.boolean()),
    subject: z.object({ kind: z.string(), id: z.string().nullable() }).nullable(),
    metadata: z.record(z.string(), z.unknown()),
  }),
  indexes: [
    { on: ['text', '-amount'] },
    { on: ['metadata.indexed', 'metadata.deep.x'] },
    { each: 'tags' },
  ],
})

const text = fc.constantFrom('', 'a', 'b', 'ab', '1', '[1]', '{}', "o'k", 'é', '😀')
const amount = fc.constantFrom(-1, 0, 1, 1.5, 2, 1e21, 2 ** 53)
const at = fc.constantFrom(
  '2026-01-01T00:00:00.000Z',
  '2026-01-01T00:00:00.001Z',
  '2027-01-01T00:00:00.000Z',
)
const single = fc.oneof(text, amount, fc.boolean(), fc.constant(null))
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 3 })

const list = fc.oneof(single, fc.array(single, { maxLength: 3 }))
/** With objects below `y`, also in arrays of arrays. */
const anObject = fc.record(
  {
    x: list,
    y: fc.oneof(
      list,
      fc.record({ x: list }),
      fc.array(
        fc.oneof(single, fc.record({ x: list }, { requiredKeys: [] }), fc.constant([{ x: 'a' }])),
        {
          maxLength: 2,
        },
      ),
    ),
  },
  { requiredKeys: [] },
)

/** A document of {@link Things} without its key. */
export const aThing = fc.record({
  text: maybe(text),
  amount: maybe(amount),
  flag: maybe(fc.boolean()),
  at: maybe(at),
  tags: fc.array(text, { maxLength: 3 }),
  sizes: fc.array(amount, { maxLength: 3 }),
  flags: fc.array(fc.boolean(), { maxLength: 2 }),
  subject: maybe(fc.record({ kind: text, id: maybe(text) })),
  metadata: fc.record(
    {
      value: fc.oneof(single, fc.constant({ x: 1 })),
      indexed: single,
      list,
      deep: fc.oneof(single, fc.record({ x: single }, { requiredKeys: [] })),
      nested: fc.oneof(single, anObject, fc.array(fc.oneof(single, anObject), { maxLength: 3 })),
    },
    { requiredKeys: [] },
  ),
})

function conditions(
  path: string,
  value: fc.Arbitrary<unknown>,
  ranges: boolean,
): fc.Arbitrary<Filter> {
  const withNull = fc.oneof(
    { weight: 4, arbitrary: value },
    { weight: 1, arbitrary: fc.constant(null) },
  )
  const some = fc.array(withNull, { maxLength: 4 })
  const operator = fc.oneof(
    ...[
      { $eq: withNull },
      { $ne: withNull },
      { $in: some },
      { $nin: some },
      { $exists: fc.boolean() },
      ...(ranges ? [{ $gt: value }, { $gte: value }, { $lt: value }, { $lte: value }] : []),
    ].map((one) => fc.record<object>(one)),
  )
  // More of them would hardly ever hold together.
  const operators = fc.tuple(operator, maybe(operator)).map(([a, b]) => ({ ...a, ...b }))
  const condition = fc.oneof(withNull, operators)
  return condition.map((one) => ({ [path]: one }) as Filter)
}

const known = single.filter((value) => value !== null)
const leaf = fc.oneof(
  conditions('text', text, true),
  conditions('amount', amount, true),
  conditions('flag', fc.boolean(), true),
  conditions('at', at, true),
  conditions('tags', text, false),
  conditions('sizes', amount, false),
  conditions('flags', fc.boolean(), false),
  conditions('subject.kind', text, true),
  conditions('subject.id', text, true),
  conditions('metadata.value', known, true),
  conditions('metadata.indexed', known, true),
  conditions('metadata.list', known, true),
  conditions('metadata.nested', known, true),
  conditions('metadata.nested.x', known, true),
  conditions('metadata.nested.y.x', known, true),
  conditions('metadata.deep.x', known, true),
  conditions('metadata.absent', known, true),
)
/** A filter on {@link Things}. Indexed free paths hold single values. */
export const { filter: aFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.tuple(leaf, leaf).map(([a, b]): Filter => ({ ...a, ...b })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((of): Filter => ({ $and: of })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((of): Filter => ({ $or: of })),
  ),
}))
