import { describe, expect, it } from 'vitest'
import { expectRefusals, type InLake } from '../lake-under-test.ts'
import { callTask, pageOf, type Resource, type Row, resources } from './resources.ts'

/** What all nine resources have in common: get, list, update and delete, and what these refuse. */
export function describeResources(inLake: InLake): void {
  describe.each(resources)('$family', (resource) => {
    const { family, key, one, many } = resource

    it(
      'are got and listed as they were made',
      inLake(async (lake) => {
        const made = [await resource.create(lake, 0), await resource.create(lake, 1)]
        expect((await callTask(lake, `${family}.list`, {}))[many]).toEqual(made)
        expect((await pageOf(lake, resource, {})).items).toEqual(made.toReversed())
        for (const row of made) {
          const filters = { [key]: row[key] }
          expect(await callTask(lake, `${family}.list`, { filters })).toEqual({ [many]: [row] })
          if (!resource.getsById) continue
          const got = await callTask(lake, `${family}.get`, { id: row[key] })
          expect(got).toEqual({ [one]: row })
        }
      }),
    )

    it(
      'have an id of their own, the time of their making, and the id of the database',
      inLake(async (lake) => {
        const row = await resource.create(lake, 0)
        const prefix = family === 'annotation_records' ? 'annotation' : one
        expect(row[key]).toMatch(new RegExp(`^${prefix}_[0-9a-f]{32}$`))
        expect(row._id).toMatch(/^[0-9a-f]{24}$/)
        expect(row[resource.timeField]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        if ('updated_at' in row) expect(row.updated_at).toBe(row[resource.timeField])
      }),
    )

    it(
      'refuse eager lists where the policy forbids them',
      inLake(
        async (lake) => {
          await expectRefusals([['INVALID_INPUT', () => callTask(lake, `${family}.list`, {})]])
          expect((await pageOf(lake, resource, {})).items).toEqual([])
        },
        { settings: { slowOperations: 'forbid' } },
      ),
    )

    if (resource.getsById)
      it(
        'are not found by an id that nothing has',
        inLake(async (lake) => {
          await expectRefusals([
            ['NOT_FOUND', () => callTask(lake, `${family}.get`, { id: 'x_0' })],
          ])
        }),
      )

    if (resource.deletes)
      it(
        'are gone once deleted, and not deleted twice',
        inLake(async (lake) => {
          const row = await resource.create(lake, 0)
          const remove = () => callTask(lake, `${family}.delete`, { id: row[key] })
          expect(await remove()).toBeNull()
          await expectRefusals([
            ['NOT_FOUND', remove],
            ['NOT_FOUND', () => callTask(lake, `${family}.get`, { id: row[key] })],
          ])
          expect(await callTask(lake, `${family}.list`, {})).toEqual({ [many]: [] })
        }),
      )

    const { changes } = resource
    if (changes !== undefined) describeUpdate(inLake, { ...resource, changes })
  })
}

function describeUpdate(
  inLake: InLake,
  resource: Resource & { readonly changes: NonNullable<Resource['changes']> },
): void {
  const { family, key, one, changes, timeField } = resource
  const fixed = ['created_by', 'added_by', timeField, 'updated_at', '_id', 'id'] as const

  it(
    'change the given fields and their time of change, nothing else',
    inLake(async (lake) => {
      const before = await resource.create(lake, 0)
      const input = { [key]: before[key], changes: changes.good }
      const after = (await callTask(lake, `${family}.update`, input))[one] as Row
      expect(after).toEqual({ ...before, ...changes.good, updated_at: after.updated_at })
      expect((after.updated_at as string) > (before.updated_at as string)).toBe(true)
      const got = await callTask(lake, `${family}.get`, { id: before[key] })
      expect(got).toEqual({ [one]: after })
    }),
  )

  it(
    'replace metadata, never merge it',
    inLake(async (lake) => {
      const { [key]: id } = await resource.create(lake, 0)
      const update = async (metadata: Row) =>
        (await callTask(lake, `${family}.update`, { [key]: id, changes: { metadata } }))[one] as Row
      await update({ a: 1, 'dotted.key': { deep: [1, null] } })
      expect((await update({ b: 2 })).metadata).toEqual({ b: 2 })
    }),
  )

  it(
    'refuse fields that are unknown or fixed, and values that do not fit, and stay as they are',
    inLake(async (lake) => {
      const row = await resource.create(lake, 0)
      const update = (wanted: Row) => () =>
        callTask(lake, `${family}.update`, { [key]: row[key], changes: wanted })
      await expectRefusals([
        ['INVALID_INPUT', update({ ...changes.good, nonsense: 1 })],
        ['INVALID_INPUT', update({ [key]: 'another_id' })],
        ...fixed.map((field) => ['INVALID_INPUT', update({ [field]: row[field] ?? 'x' })] as const),
        ['INVALID_INPUT', update({ '': 1 })],
        ['INVALID_INPUT', update({ constructor: 1 })],
        ['VALIDATION_FAILED', update({ ...changes.good, ...changes.bad })],
        ['VALIDATION_FAILED', update({ metadata: null })],
        ['VALIDATION_FAILED', update({ metadata: [] })],
        [
          'NOT_FOUND',
          () => callTask(lake, `${family}.update`, { [key]: 'x_0', changes: changes.good }),
        ],
        ['NOT_FOUND', () => callTask(lake, `${family}.update`, { [key]: 'x_0', changes: {} })],
      ])
      expect(await callTask(lake, `${family}.get`, { id: row[key] })).toEqual({ [one]: row })
      const [field] = Object.keys(changes.bad)
      await expect(update(changes.bad)()).rejects.toThrow(`changes.${field}`)
    }),
  )

  if (resource.deletes)
    it(
      'never come back when an update races with their deletion',
      inLake(async (lake) => {
        const rows = await Promise.all(
          Array.from({ length: 10 }, (_, index) => resource.create(lake, index)),
        )
        const outcomes = await Promise.allSettled(
          rows.flatMap((row) => [
            callTask(lake, `${family}.update`, { [key]: row[key], changes: changes.good }),
            callTask(lake, `${family}.delete`, { id: row[key] }),
            callTask(lake, `${family}.update`, { [key]: row[key], changes: changes.good }),
          ]),
        )
        // Which calls come too late depends on the database; that is the one thing they may be told.
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') continue
          expect(outcome.reason).toMatchObject({ code: 'NOT_FOUND' })
        }
        expect(await callTask(lake, `${family}.list`, {})).toEqual({ [resource.many]: [] })
      }),
    )
}
