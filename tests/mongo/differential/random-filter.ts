import type { Json } from '../../golden/like-the-reference.ts'
import { type Family, keyOf } from '../families.ts'
import type { Random } from '../random.ts'
import type { World } from './world.ts'

/** A filter, and whether more than equality is in it. */
export interface WildFilter {
  readonly filter: { readonly [path: string]: Json }
  /** Something that our closed grammar refuses. */
  readonly outsideGrammar: boolean
  readonly hasOperators: boolean
}

type Values = (random: Random, world: World) => Json

const of =
  (...values: readonly Json[]): Values =>
  (random) =>
    random.of(values)
const idsOf =
  (family: Family): Values =>
  (random, world) =>
    random.of([...world.ids(family).slice(-6), 'nobody'])
const metadata = {
  'metadata.rank': of(0, 1, 2 ** 31, 'plain', true, null),
  'metadata.a': of(0, 'plain', false, null, 0.1),
  'metadata.deep.a': of(1, '', null),
} as const satisfies Record<string, Values>

/** Paths of each family, with values that may be there. */
const paths: Readonly<Record<Family, Readonly<Record<string, Values>>>> = {
  assets: {
    ...metadata,
    kind: of('image', 'mask', 'other'),
    media_type: of('image/png', '', 'кадр'),
    size_bytes: of(0, 5, 2 ** 40, null),
    checksum: of('x', '', null),
    payload_status: of('present', 'missing'),
    created_by: of(null, 'plain', '日本語のテキスト'),
    'storage_ref.mount': of('main', 'plain', 'nowhere'),
    'storage_ref.version': of('1.0.0', 'latest', null),
    'subject.kind': of('asset', 'annotation', null),
    'subject.id': idsOf('assets'),
    subject: of(null),
    asset_id: idsOf('assets'),
  },
  collections: {
    ...metadata,
    name: of('cat', 'кот', ''),
    status: of('active', 'archived'),
    description: of(null, 'plain'),
    collection_id: idsOf('collections'),
  },
  collection_items: {
    ...metadata,
    collection_id: idsOf('collections'),
    asset_id: idsOf('assets'),
    split: of('train', 'val', null),
    status: of('active', 'hidden'),
  },
  asset_retentions: {
    ...metadata,
    asset_id: idsOf('assets'),
    owner_type: of('manual_pin', 'system'),
    retention_policy: of('retain'),
    owner_id: of('', 'plain'),
  },
  annotation_schemas: {
    ...metadata,
    name: of('cat', 'dog'),
    version: of('1', '10'),
    task_type: of('detection', 'other'),
    allow_scores: of(true, false),
    allowed_annotation_kinds: of('bbox', 'mask'),
    allow_additional_attributes: of(true, false),
  },
  annotation_sets: {
    ...metadata,
    name: of('cat', ''),
    purpose: of('ground_truth', 'review'),
    status: of('draft', 'active'),
    annotation_schema_id: idsOf('annotation_schemas'),
    annotation_record_ids: idsOf('annotation_records'),
  },
  annotation_records: {
    ...metadata,
    kind: of('bbox', 'mask', 'polygon'),
    label: of('cat', 'кот'),
    label_id: of(0, 1, null),
    score: of(0, 0.5, null),
    'source.type': of('human', 'machine'),
    'subject.id': idsOf('assets'),
    'geometry.width': of(1, 5),
    'attributes.pose': of('x', null),
  },
  datums: {
    ...metadata,
    split: of('train', 'val', null),
    datum_id: idsOf('datums'),
    annotation_set_ids: idsOf('annotation_sets'),
    'asset_refs.image': idsOf('assets'),
  },
  dataset_versions: {
    ...metadata,
    dataset_name: of('pets', 'Набор'),
    version: of('1', '10'),
    description: of(null, 'plain'),
    manifest: idsOf('datums'),
  },
}

const isList = /^(manifest|allowed_annotation_kinds|annotation_(record|set)_ids)$/

/** A filter of a family, mostly one that finds something. */
export function randomFilter(random: Random, world: World, family: Family): WildFilter {
  if (random.oneIn(12)) {
    const filter = random.of<{ readonly [path: string]: Json }>([
      { $where: '1' },
      { kindd: 'x' },
      { [keyOf[family]]: { $regex: 'a' } },
      { created_at: 'never' },
      { $and: [] },
      { [keyOf[family]]: { $in: 'x' } },
      { metadata: { a: 1 } },
      { $nor: [{}] },
      { 'labels.name': 'cat' },
      { manifest: { $gt: 'a' } },
      { annotation_set_ids: { $gt: 'a' } },
      { [keyOf[family]]: 5 },
    ])
    return { filter, outsideGrammar: true, hasOperators: true }
  }
  const known = Object.entries(paths[family])
  const one = (): { readonly [path: string]: Json } => {
    const [path, values] = random.of(known)
    const value = () => values(random, world)
    // A list is asked what it contains, and no more.
    // Of ids, which are random, no order can be compared.
    const isId = /_id$|\.id$|\.image$/.test(path)
    if (isList.test(path) || !random.oneIn(2)) return { [path]: value() }
    return { [path]: operator(random, value, !isId) }
  }
  const kind = random.below(8)
  const filter =
    kind === 0
      ? { $or: random.some(1, 3, one) }
      : kind === 1
        ? { $and: random.some(1, 3, one) }
        : Object.assign({}, ...random.some(0, 2, one))
  return { filter, outsideGrammar: false, hasOperators: /"\$/.test(JSON.stringify(filter)) }
}

function operator(random: Random, value: () => Json, ranges: boolean): Json {
  switch (random.below(ranges ? 6 : 5)) {
    case 0:
      return { $ne: value() }
    case 1:
      return { $in: random.some(1, 3, value) }
    case 2:
      return { $nin: random.some(1, 3, value) }
    case 3:
      return { $exists: random.oneIn(2) }
    case 4:
      return { $eq: value() }
    default: {
      const bound = value()
      if (bound === null) return { $exists: true }
      return { [random.of(['$gt', '$gte', '$lt', '$lte'])]: bound }
    }
  }
}
