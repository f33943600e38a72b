import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type mongoose from 'mongoose'
import { type Answer, faults, type Json, Translation } from '../../golden/like-the-reference.ts'
import { type Family, keyOf } from '../families.ts'
import { Random } from '../random.ts'
import { deviations } from './deviations.ts'
import { type Call, Caller } from './random-call.ts'
import { toBody } from './wild-values.ts'
import { World } from './world.ts'

/** Sends a body to a task of a service. */
export type Ask = (task: string, body: string) => Promise<Answer>

/** The two sides of a story. */
export interface Sides {
  /** The Python service. */
  readonly theirs: Ask
  /** Its database. */
  readonly database: mongoose.Connection
  /** Services of ours, by name. */
  readonly ours: Readonly<Record<string, Ask>>
}

/** What a story found. */
export interface Told {
  readonly calls: number
  /** Where an answer of ours is neither like theirs nor better on purpose. */
  readonly differences: readonly string[]
  /** How often each deviation was seen. */
  readonly deviations: Readonly<Record<string, number>>
  /** How often each task was called with success. */
  readonly successes: Readonly<Record<string, number>>
}

const statusesFile = new URL('../../fixtures/golden-statuses.json', import.meta.url)
const wantedStatuses = JSON.parse(await readFile(statusesFile, 'utf8')) as Record<string, number[]>

/** What the lists of the tasks leave out and the table of section 5.3 says of the errors' kinds. */
const alsoWanted: Readonly<Record<string, readonly number[]>> = {
  'assets.create_from_object': [403, 404, 409, 422],
  'objects.copy': [400, 403],
}

type Document = { readonly [key: string]: Json }

/**
 * Sends the same random calls to the Python service and to services of ours, and compares every answer. A call that
 * only one side takes is undone there; where that can't be, the story ends early.
 */
export async function runStory(sides: Sides, seed: number, steps: number): Promise<Told> {
  await emptied(sides.database)
  const random = new Random(seed)
  const world = new World()
  const caller = new Caller(random, world, `s${seed}`)
  const translations = new Map(Object.keys(sides.ours).map((name) => [name, new Translation()]))
  const paths = new Map<string, readonly string[]>()
  const differences: string[] = []
  const seen: Record<string, number> = {}
  const successes: Record<string, number> = {}
  let calls = 0

  for (let step = 0; step < steps; step += 1) {
    const call = caller.next()
    const { task, request } = call
    calls += 1
    if (task === 'objects.upload_session.complete' && !random.oneIn(3)) {
      const id = (request as Document | null)?.upload_session_id
      for (const path of paths.get(String(id)) ?? []) {
        await writeFile(path, `bytes of ${seed}`).catch(() => undefined)
      }
    }
    const before = await snapshot(sides.database, call)
    const theirs = await sides.theirs(task, toBody(request))
    const answers = new Map<string, Answer>()
    let isSame = true
    for (const [name, ask] of Object.entries(sides.ours)) {
      const translation = translations.get(name) as Translation
      const answer = await ask(task, toBody(translation.request(request)))
      answers.set(name, answer)
      const wrong = compared(call, theirs, answer, translation)
      if (wrong.length === 0) continue
      const deviation = deviations.find(({ applies }) => applies(call, theirs, answer, wrong))
      if (deviation !== undefined) seen[deviation.why] = (seen[deviation.why] ?? 0) + 1
      else {
        differences.push(
          `${name}, seed ${seed}, step ${step}: ${task} ${toBody(request).slice(0, 600)}\n` +
            `  theirs ${theirs.status} ${JSON.stringify(theirs.body).slice(0, 300)}\n` +
            `  ours ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}\n` +
            `  ${wrong.slice(0, 4).join('\n  ')}`,
        )
        // What differs in content differs from here on.
        if (theirs.status === 200 && answer.status === 200 && !isReading(task)) isSame = false
      }
    }
    const statuses = [...answers.values()].map(({ status }) => status)
    if (statuses.some((status) => status !== statuses[0])) {
      differences.push(`seed ${seed}, step ${step}: ${task}: ours differ: ${statuses.join(', ')}`)
    }
    const taken = statuses[0] === 200
    if (theirs.status === 200 && taken && isSame) {
      world.learn(task, request as Document, theirs.body)
      successes[task] = (successes[task] ?? 0) + 1
      if (task === 'objects.upload_session.create') {
        const bodies = [theirs, ...answers.values()].map(({ body }) => body as Document)
        const id = String(bodies[0]?.upload_session_id)
        paths.set(
          id,
          bodies.map(({ upload_path }) => String(upload_path)),
        )
      }
      if (task === 'annotation_records.add') await spread(sides.database, theirs.body)
    } else if (!isReading(task)) {
      const isGone = task.endsWith('.delete') && theirs.status === 200
      if (!isSame || isGone || (taken && theirs.status !== 200)) break
      world.burn(request)
      await undone(sides.database, call, before, theirs)
    }
  }
  return { calls, differences, deviations: seen, successes }
}

function isReading(task: string): boolean {
  return !/\.(put|copy|create|create_from_object|create_from_uploaded_object|complete|update|update_metadata|delete|add)$/.test(
    task,
  )
}

/** What is wrong with an answer of ours, where theirs is right or fails as the specification knows. */
function compared(call: Call, theirs: Answer, ours: Answer, translation: Translation): string[] {
  const { status, body } = theirs
  const wanted =
    status === 500
      ? [...(wantedStatuses[call.task] ?? []), ...(alsoWanted[call.task] ?? [])]
      : undefined
  const mine =
    call.anyOrder === true && ours.status === 200 ? inTheirOrder(theirs, ours, translation) : ours
  return faults(
    { status, response: body, ...(wanted === undefined ? {} : { wanted }) },
    mine,
    translation,
  )
}

/** The rows of a list in the order in which the other side gave them. */
function inTheirOrder(theirs: Answer, ours: Answer, translation: Translation): Answer {
  const [[name, theirRows] = ['', []]] = Object.entries((theirs.body ?? {}) as Document)
  const rows = (ours.body as Document)[name]
  if (!Array.isArray(theirRows) || !Array.isArray(rows)) return ours
  const key = keyOf[name as Family]
  const order = theirRows.map((row) => translation.request((row as Document)[key] as Json))
  const place = (row: Json) => order.indexOf((row as Document)[key] as string)
  return { ...ours, body: { [name]: rows.toSorted((a, b) => place(a) - place(b)) } }
}

const collectionOf = (family: string) => `datalake_${family}`

/** Otherwise the driver takes a field named `toString` for one that was asked for raw. */
const literally = { fieldsAsRaw: Object.create(null) as Record<string, boolean> }

/** The record that an update is about, as it lies in the database. */
async function snapshot(database: mongoose.Connection, { task, request }: Call) {
  if (!/\.update(_metadata)?$/.test(task)) return undefined
  const family = task.split('.')[0] as Family
  const id = (request as Document | null)?.[keyOf[family]]
  if (typeof id !== 'string') return undefined
  const filter = { [keyOf[family]]: id }
  const found = await database.collection(collectionOf(family)).findOne(filter, literally)
  return found === null ? undefined : { family, found }
}

/** Takes back what only the Python service did. */
async function undone(
  database: mongoose.Connection,
  { task }: Call,
  before: Awaited<ReturnType<typeof snapshot>>,
  theirs: Answer,
): Promise<void> {
  if (before !== undefined) {
    const { family, found } = before
    await database
      .collection(collectionOf(family))
      .replaceOne({ _id: found._id }, found, { upsert: true })
  }
  if (theirs.status !== 200 || task.startsWith('objects.')) return
  for (const document of Object.values((theirs.body ?? {}) as Document).flat()) {
    for (const [family, key] of Object.entries(keyOf)) {
      const id = (document as Document | null)?.[key]
      if (family !== task.split('.')[0] || typeof id !== 'string' || before !== undefined) continue
      await database.collection(collectionOf(family)).deleteOne({ [key]: id })
      await database.collection(collectionOf('asset_aliases')).deleteMany({ asset_id: id })
      const pulled = { $pull: { annotation_set_ids: id, annotation_record_ids: id } } as object
      for (const holder of ['datums', 'annotation_sets']) {
        await database.collection(collectionOf(holder)).updateMany({}, pulled)
      }
    }
  }
}

/** Records of one call are made within a millisecond, by chance or not: their order is made sure. */
async function spread(database: mongoose.Connection, body: Json): Promise<void> {
  const rows = (body as Document).annotation_records as unknown as Document[]
  if (rows.length < 2) return
  const records = database.collection(collectionOf('annotation_records'))
  const [first] = rows
  const start = Date.parse(String(first?.created_at))
  for (const [index, { annotation_id }] of rows.entries()) {
    await records.updateOne({ annotation_id }, { $set: { created_at: new Date(start + index) } })
  }
  // Nothing is to be newer than the next page's cut.
  await sleep(rows.length)
}

async function emptied(database: mongoose.Connection): Promise<void> {
  for (const { name } of (await database.db?.listCollections().toArray()) ?? []) {
    if (name.startsWith('datalake_')) await database.collection(name).deleteMany({})
  }
}
