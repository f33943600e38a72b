import { AnnotationKind } from '@mindtrace/contract'
import type { Json } from '../../golden/like-the-reference.ts'
import type { Family } from '../families.ts'
import type { Random } from '../random.ts'
import { randomFilter, type WildFilter } from './random-filter.ts'
import { wildObject, wildText, wildValue, wrongValue } from './wild-values.ts'
import type { Ref, World } from './world.ts'

type Fields = { readonly [key: string]: Json }

/** A call, and what is known about it. */
export interface Call {
  readonly task: string
  readonly request: Json
  /** Where a value was replaced by a random one, and by which. */
  readonly wrong?: { readonly path: string; readonly value: Json | undefined } | undefined
  /** A filter that only MongoDB itself would take. */
  readonly outsideGrammar?: boolean | undefined
  /** Whether rows may come in the order of an index. */
  readonly anyOrder?: boolean | undefined
}

/** The mounts of both services. */
export const mounts = [
  { name: 'main', mutable: true, version_objects: true },
  { name: 'plain', mutable: true, version_objects: false },
  { name: 'frozen', mutable: false, version_objects: true },
] as const

const assetKinds = ['image', 'mask', 'artifact', 'embedding', 'document', 'other']
const annotationKinds = AnnotationKind.options
const words = ['cat', 'dog', 'кот', '🦭 seal', 'a.b', 'Cat', '']
const labels = ['cat', 'dog', 'кот', '🦭']

/** Makes calls that fit what is there, mostly. */
export class Caller {
  readonly #random: Random
  readonly #world: World
  readonly #prefix: string

  constructor(random: Random, world: World, prefix: string) {
    this.#random = random
    this.#world = world
    this.#prefix = prefix
  }

  /** The next call: one in five has a value that does not belong where it stands. */
  next(): Call {
    const random = this.#random
    const makers = this.#world.ids('assets').length < 3 ? openings : tasks
    const task = random.of(makers)
    const made = this.#make(task)
    if (made === undefined) return this.next()
    const { request, ...about } = 'request' in made ? (made as Made) : { request: made as Fields }
    const filled = random.oneIn(12) ? { ...request, ...extra(random) } : request
    if (!random.oneIn(5)) return { task, request: filled, ...about }
    const { value, wrong } = corrupted(random, filled)
    return { task, request: value, wrong, ...about }
  }

  #make(task: string): Fields | Made | undefined {
    const [family = '', verb = ''] = task.split('.')
    if (verb === 'list') return this.#list(family as Family)
    if (verb === 'list_page') return this.#page(task, family as Family)
    if (task.endsWith('.get') && family !== 'objects' && family !== 'dataset_versions') {
      return { id: this.#id(family as Family) }
    }
    if (verb === 'delete') {
      // Rarely, so that there is something to work with.
      return this.#random.oneIn(3) ? { id: this.#id(family as Family) } : undefined
    }
    return this.#special(task)
  }

  #special(task: string): Fields | Made | undefined {
    const random = this.#random
    const world = this.#world
    switch (task) {
      case 'health':
      case 'summary':
      case 'status':
      case 'class_name':
      case 'endpoints':
        return {}
      case 'objects.put':
        return this.#optional(
          { name: this.#objectName(), data_base64: this.#base64() },
          {
            mount: () => this.#mount(),
            version: () => this.#version(),
            metadata: () => wildObject(random),
            on_conflict: () => random.of(['skip', 'overwrite', 'merge']),
          },
        )
      case 'objects.get':
      case 'objects.head':
        return { storage_ref: this.#ref() }
      case 'objects.copy':
        return this.#optional(
          {
            source: this.#ref(),
            target_mount: this.#mount(),
            target_name: this.#objectName(),
          },
          { target_version: () => this.#version() },
        )
      case 'objects.upload_session.create':
        return this.#optional(
          { name: this.#objectName() },
          {
            mount: () => random.of(['main', 'plain', 'nowhere']),
            metadata: () => random.of(uploadMetadata),
            content_type: () => random.of(['image/png', '', 'wörd']),
            expires_in_minutes: () => random.of([1, 60, 0, -5]),
            created_by: () => wildText(random),
          },
        )
      case 'objects.upload_session.complete': {
        if (world.uploads.length === 0) return undefined
        const session = random.of(world.uploads)
        return this.#optional(
          {
            upload_session_id: random.oneIn(8) ? 'nobody' : (session.upload_session_id as string),
            finalize_token: random.oneIn(8) ? 'wrong' : (session.finalize_token as string),
          },
          { metadata: () => random.of(uploadMetadata) },
        )
      }
      case 'assets.create':
      case 'assets.create_from_uploaded_object':
        return this.#optional(
          {
            kind: this.#word(assetKinds),
            media_type: random.of(['image/png', 'a/b; c=d', '', 'кадр']),
            storage_ref: this.#ref(),
          },
          {
            checksum: () => random.of(['sha256:00', 'x', '']),
            size_bytes: () => random.of([0, 5, 2 ** 40, -1]),
            subject: () => this.#subject(),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
          },
        )
      case 'assets.create_from_object':
        return this.#optional(
          {
            name: this.#objectName(),
            data_base64: this.#base64(),
            kind: this.#word(assetKinds),
            media_type: random.of(['image/png', 'text/plain', '']),
          },
          {
            mount: () => this.#mount(),
            version: () => this.#version(),
            object_metadata: () => wildObject(random),
            asset_metadata: () => wildObject(random),
            checksum: () => random.of(['sha256:00', 'x', '']),
            size_bytes: () => random.of([0, 5, 2 ** 40]),
            subject: () => this.#subject(),
            created_by: () => wildText(random),
            on_conflict: () => random.of(['skip', 'overwrite', 'merge']),
          },
        )
      case 'assets.get_by_alias':
        return { alias: random.oneIn(3) ? this.#id('assets') : this.#alias() }
      case 'assets.download_url':
        return this.#optional(
          { asset_id: this.#id('assets') },
          {
            expires_in_minutes: () => random.of([1, 15, 600]),
            response_content_type: () => wildText(random),
            response_content_disposition: () => 'attachment',
          },
        )
      case 'assets.download_urls':
        return this.#optional(
          { asset_ids: random.some(0, 3, () => this.#id('assets')) },
          { expires_in_minutes: () => random.of([1, 15, 600]) },
        )
      case 'assets.update_metadata':
        return { asset_id: this.#id('assets'), metadata: wildObject(random) }
      case 'aliases.add':
        return { asset_id: this.#id('assets'), alias: this.#alias() }
      case 'collections.create':
        return this.#optional(
          { name: random.of(words) },
          {
            description: () => wildText(random),
            status: () => this.#word(['active', 'archived', 'deleted']),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
          },
          ['status'],
        )
      case 'collection_items.create':
        return this.#optional(
          { collection_id: this.#id('collections'), asset_id: this.#id('assets') },
          {
            split: () => this.#word(['train', 'val', 'test']),
            status: () => this.#word(['active', 'hidden', 'removed']),
            metadata: () => wildObject(random),
            added_by: () => wildText(random),
          },
          ['status'],
        )
      case 'collection_items.resolve':
        return { id: this.#id('collection_items') }
      case 'asset_retentions.create':
        return this.#optional(
          {
            asset_id: this.#id('assets'),
            owner_type: this.#word([
              'collection_import',
              'dataset_version',
              'manual_pin',
              'system',
            ]),
            owner_id: wildText(random),
          },
          {
            retention_policy: () =>
              this.#word(['retain', 'delete_when_unreferenced', 'archive_when_unreferenced']),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
          },
          ['retention_policy'],
        )
      case 'annotation_schemas.create':
        return this.#optional(
          {
            name: random.of(words),
            version: random.of(['1', '2', '10', '1.0.0', '']),
            task_type: this.#word(taskTypes),
            allowed_annotation_kinds: random.some(0, 5, () => random.of(annotationKinds)),
          },
          {
            labels: () => this.#labels(),
            allow_scores: () => random.oneIn(2),
            required_attributes: () => random.some(0, 1, () => random.of(['pose', 'size'])),
            optional_attributes: () => random.some(0, 2, () => random.of(['pose', 'size', 'x'])),
            allow_additional_attributes: () => random.oneIn(2),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
          },
          ['allow_scores', 'allow_additional_attributes'],
        )
      case 'annotation_schemas.get_by_name_version': {
        const known = random.of(world.schemas)
        if (known === undefined || random.oneIn(4)) {
          return { name: random.of(words), version: random.of(['1', '2', '10', '']) }
        }
        return { name: known.name as string, version: known.version as string }
      }
      case 'annotation_sets.create':
        return this.#optional(
          {
            name: random.of(words),
            purpose: this.#word(['ground_truth', 'prediction', 'review', 'snapshot', 'other']),
            source_type: this.#word(['human', 'machine', 'mixed']),
          },
          {
            status: () => this.#word(['draft', 'active', 'archived']),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
            datum_id: () => this.#id('datums'),
            annotation_schema_id: () => this.#id('annotation_schemas'),
          },
          ['status'],
        )
      case 'annotation_records.add':
        return this.#optional(
          { annotations: random.some(0, 3, () => this.#annotation()) },
          {
            annotation_set_id: () => this.#id('annotation_sets'),
            annotation_schema_id: () => this.#id('annotation_schemas'),
          },
        )
      case 'annotation_records.list_for_asset':
        return { asset_id: this.#id('assets') }
      case 'annotation_records.list_for_asset_page':
        return this.#continued(task, {
          asset_id: this.#id('assets'),
          ...this.#pageFields(['created_desc', 'subject_created_desc']),
        })
      case 'datums.create':
        return this.#optional(
          { asset_refs: this.#assetRefs() },
          {
            split: () => this.#word(['train', 'val', 'test']),
            metadata: () => wildObject(random),
            annotation_set_ids: () => random.some(0, 2, () => this.#id('annotation_sets')),
          },
        )
      case 'datums.resolve':
        return { id: this.#id('datums') }
      case 'dataset_versions.create':
        return this.#optional(
          {
            dataset_name: random.of(['pets', 'Набор', '']),
            version: random.of(['1', '2', '9', '10', '1.0.0', '']),
            manifest: random.some(0, 5, () => this.#id('datums')),
          },
          {
            description: () => wildText(random),
            source_dataset_version_id: () => this.#id('dataset_versions'),
            metadata: () => wildObject(random),
            created_by: () => wildText(random),
          },
        )
      case 'dataset_versions.get':
      case 'dataset_versions.resolve':
        return this.#dataset()
      case 'dataset_versions.verify_integrity':
        return this.#optional(
          { ...this.#dataset() },
          {
            mode: () => random.of(['fast', 'full-db', 'full-lake']),
            sample_limit: () => random.of([1, 25, 500]),
          },
          ['mode', 'sample_limit'],
        )
      case 'dataset_versions.view_page':
        return this.#continued(task, {
          ...this.#dataset(),
          ...this.#pageFields(['manifest_order']),
          ...(random.oneIn(2) ? {} : { filters: random.some(0, 2, () => this.#structured()) }),
          ...(random.oneIn(2)
            ? {}
            : {
                expand: {
                  assets: random.oneIn(2),
                  annotation_sets: random.oneIn(2),
                  annotation_records: random.oneIn(2),
                },
              }),
        })
      default:
        return this.#update(task)
    }
  }

  #update(task: string): Fields {
    const random = this.#random
    const maker = updates[task.split('.')[0] as keyof typeof updates]
    const all: Readonly<Record<string, () => Json>> = maker.fields(this.tools)
    const names = Object.keys(all)
    const chosen = random.some(0, 3, () => random.of(names))
    const changes = Object.fromEntries(chosen.map((name) => [name, all[name]?.() ?? null]))
    if (random.oneIn(12)) Object.assign(changes, random.of(foreignChanges))
    return { [maker.key]: this.#id(maker.family), ...(random.oneIn(15) ? {} : { changes }) }
  }

  /** Fields that may be left out, sent as null, or given. */
  #optional(
    required: Fields,
    optional: Readonly<Record<string, () => Json>>,
    notNull: readonly string[] = [],
  ): Fields {
    const random = this.#random
    const given = Object.entries(optional).flatMap(([name, make]) => {
      const kind = random.below(5)
      if (kind < 2) return []
      if (kind === 2 && !notNull.includes(name) && !neverNull.has(name)) {
        return [[name, null] as const]
      }
      return [[name, make()] as const]
    })
    return { ...required, ...Object.fromEntries(given) }
  }

  #list(family: Family): Made {
    const filter: WildFilter = randomFilter(this.#random, this.#world, family)
    const name = family === 'dataset_versions' && this.#random.oneIn(3)
    return {
      request: this.#optional(
        {},
        { filters: () => filter.filter, ...(name ? { dataset_name: () => 'pets' } : {}) },
      ),
      outsideGrammar: filter.outsideGrammar,
      anyOrder: filter.hasOperators,
    }
  }

  #page(task: string, family: Family): Fields | Made {
    const filter: WildFilter = randomFilter(this.#random, this.#world, family)
    const filters = this.#random.oneIn(2) ? {} : { filters: filter.filter }
    const name =
      family === 'dataset_versions' && this.#random.oneIn(3) ? { dataset_name: 'pets' } : {}
    const request = { ...this.#pageFields(sortsOf[family]), ...filters, ...name }
    const outsideGrammar = 'filters' in filters ? filter.outsideGrammar : false
    return { request: this.#continued(task, request), outsideGrammar }
  }

  /** Half of the pages go on where one of the same task ended. */
  #continued(task: string, request: Fields): Fields {
    const random = this.#random
    const open = this.#world.pages.filter((page) => page.task === task)
    if (open.length === 0 || random.oneIn(2)) return request
    const { request: before, cursor } = random.of(open)
    if (random.oneIn(10)) return { ...request, cursor }
    return { ...before, limit: 1 + random.below(5), cursor }
  }

  #pageFields(sorts: readonly string[]): Fields {
    const random = this.#random
    return this.#optional(
      {},
      {
        limit: () => random.of([1, 2, 3, 5, 100, 500, 501]),
        cursor: () => (random.oneIn(6) ? random.of(badCursors) : null),
        sort: () => this.#word(sorts),
        include_total: () => random.oneIn(2),
      },
      ['sort', 'include_total'],
    )
  }

  #structured(): Fields {
    const random = this.#random
    const field = random.of([
      'split',
      'metadata.rank',
      'metadata.a',
      'datum_id',
      'asset_refs.image',
      'annotation_set_ids',
      'nothing',
      '',
    ])
    const op = random.of(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'contains', 'exists'])
    const value = random.of<() => Json>([
      () => random.of(['train', 'val', 'test', null]),
      () => wildValue(random, 1),
      () => random.some(0, 3, () => random.of(['train', 'val', null, 1])),
      () => random.below(4),
      () => this.#id('annotation_sets'),
    ])()
    return random.oneIn(10) ? { field, op } : { field, op, value }
  }

  #id(family: Family): string {
    const random = this.#random
    const known = this.#world.ids(family)
    if (known.length > 0 && !random.oneIn(8)) {
      // What is new is asked for more often: it takes part in more.
      const recent = random.oneIn(2) ? known.slice(-4) : known
      return random.of(recent)
    }
    const { gone } = this.#world
    const others: readonly string[] = [
      'nobody',
      '',
      ' ',
      'нет такого',
      `${family.slice(0, -1)}_00000000000000000000000000000000`,
      ...gone.slice(-3),
      ...this.#world.ids('assets').slice(-1),
      ...this.#world.ids('datums').slice(-1),
    ]
    return random.of(others)
  }

  #word(known: readonly string[]): string {
    return this.#random.oneIn(20)
      ? this.#random.of(['bogus', '', 'Active', 'IMAGE'])
      : this.#random.of(known)
  }

  #objectName(): string {
    const random = this.#random
    const known = this.#world.refs
    if (known.length > 0 && random.oneIn(3)) return random.of(known).name
    const tail = random.of(['bytes', 'кадр', 'with space', 'a.b', 'é', 'e\u0301', '🦭', 'dash-1'])
    return `${this.#prefix}.${random.below(1e6)}.${tail}`
  }

  #base64(): string {
    const random = this.#random
    if (random.oneIn(15)) return random.of(['abc', 'a', '====', 'YQ=', 'Y Q=='])
    return Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256))).toString(
      'base64',
    )
  }

  #mount(): string {
    return this.#random.oneIn(15) ? 'nowhere' : this.#random.of(mounts).name
  }

  #version(): string {
    return this.#random.of([
      '1.0.0',
      '1.0.1',
      '2.0.0',
      '1.2.3',
      '1.0',
      'v1',
      'latest',
      '',
      '1.0.0.0',
      'abc',
    ])
  }

  #ref(): Fields {
    const random = this.#random
    const { refs } = this.#world
    const known: Ref =
      refs.length === 0 || random.oneIn(12)
        ? { mount: random.of(['main', 'nowhere']), name: random.of(['gone', '']), version: null }
        : random.of(refs)
    const { mount, name } = known
    const kind = random.below(6)
    if (kind === 0) return { mount, name }
    if (kind === 1) return { mount, name, version: random.of([null, 'latest', '9.9.9', 'abc', '']) }
    return {
      mount,
      name,
      version: known.version,
      ...(kind === 2 ? { qualified_key: 'a/b@c' } : {}),
    }
  }

  #subject(): Fields {
    const random = this.#random
    return random.oneIn(4)
      ? { kind: 'annotation', id: this.#id('annotation_records') }
      : { kind: this.#word(['asset']), id: this.#id('assets') }
  }

  #alias(): string {
    const { aliases } = this.#world
    if (aliases.length > 0 && this.#random.oneIn(2)) return this.#random.of(aliases)
    return `${this.#prefix} ${this.#random.below(1e6)} ${wildText(this.#random)}`
  }

  #assetRefs(): Fields {
    const roles = this.#random.some(0, 2, () =>
      this.#random.of(['image', 'mask', 'asset', 'a.b', '']),
    )
    return Object.fromEntries(roles.map((role) => [role, this.#id('assets')]))
  }

  #labels(): Json {
    return this.#random.some(0, 3, () => ({
      name: this.#random.of(labels),
      ...(this.#random.oneIn(2) ? { id: this.#random.below(3) } : {}),
      ...(this.#random.oneIn(4) ? { display_name: null, color: '#fff', metadata: {} } : {}),
    }))
  }

  #annotation(): Json {
    const random = this.#random
    const geometry = random.of<() => Fields>([
      () => ({}),
      () => ({ x: 1, y: 2.5, width: random.below(9), height: 4 }),
      () => ({ mask_asset_id: this.#id('assets') }),
      () => wildObject(random),
    ])()
    return this.#optional(
      {
        kind: this.#word(annotationKinds),
        label: random.of(labels),
        source: this.#source(),
      },
      {
        subject: () => this.#subject(),
        label_id: () => random.below(3),
        score: () => random.of([0, 0.5, 1, -3.25]),
        geometry: () => geometry,
        attributes: () => random.of([{}, { pose: 'x' }, { size: 1, pose: null }, { other: [] }]),
        metadata: () => wildObject(random),
      },
      ['geometry', 'attributes', 'metadata'],
    )
  }

  #source(): Fields {
    return this.#optional(
      { type: this.#word(['human', 'machine', 'derived']), name: wildText(this.#random) },
      { version: () => '1', metadata: () => wildObject(this.#random) },
      ['metadata'],
    )
  }

  #dataset(): { readonly dataset_name: string; readonly version: string } {
    const { datasets } = this.#world
    if (datasets.length > 0 && !this.#random.oneIn(6)) return this.#random.of(datasets)
    return { dataset_name: this.#random.of(['pets', 'none', '']), version: '77' }
  }

  /** What `updates` below draws from. */
  readonly tools: Tools = {
    id: (family) => this.#id(family),
    word: (known) => this.#word(known),
    text: () => wildText(this.#random),
    name: () => this.#random.of(words),
    object: () => wildObject(this.#random),
    subject: () => this.#subject(),
    assetRefs: () => this.#assetRefs(),
    labels: () => this.#labels(),
    source: () => this.#source(),
    some: (make) => this.#random.some(0, 2, make),
    flag: () => this.#random.oneIn(2),
    number: () => this.#random.below(5) / 2,
  }
}

interface Made {
  readonly request: Fields
  readonly outsideGrammar?: boolean | undefined
  readonly anyOrder?: boolean | undefined
}

interface Tools {
  readonly id: (family: Family) => string
  readonly word: (known: readonly string[]) => string
  readonly text: () => string
  readonly name: () => string
  readonly object: () => Fields
  readonly subject: () => Fields
  readonly assetRefs: () => Fields
  readonly labels: () => Json
  readonly source: () => Fields
  readonly some: (make: () => Json) => Json
  readonly flag: () => boolean
  readonly number: () => number
}

/** Fields whose model takes no null. */
const neverNull = new Set(['content_type', 'expires_in_minutes', 'status'])

/** The reference can't complete an upload with an integer that its database gives as one of 64 bits. */
const uploadMetadata: readonly Fields[] = [{}, { k: 'v' }, { кадр: [1, null, { 'a.b': 0.5 }] }]

const taskTypes = ['classification', 'detection', 'segmentation', 'keypoint', 'other']

/** How an update names its record, and what it may change. */
const updates = {
  collections: {
    family: 'collections',
    key: 'collection_id',
    fields: (t: Tools) => ({
      name: t.name,
      description: t.text,
      status: () => t.word(['active', 'archived', 'deleted']),
      metadata: t.object,
    }),
  },
  collection_items: {
    family: 'collection_items',
    key: 'collection_item_id',
    fields: (t: Tools) => ({
      collection_id: () => t.id('collections'),
      asset_id: () => t.id('assets'),
      split: () => t.word(['train', 'val', 'test']),
      status: () => t.word(['active', 'hidden', 'removed']),
      metadata: t.object,
    }),
  },
  asset_retentions: {
    family: 'asset_retentions',
    key: 'asset_retention_id',
    fields: (t: Tools) => ({
      asset_id: () => t.id('assets'),
      owner_type: () => t.word(['manual_pin', 'system']),
      owner_id: t.text,
      retention_policy: () => t.word(['retain', 'archive_when_unreferenced']),
      metadata: t.object,
    }),
  },
  annotation_schemas: {
    family: 'annotation_schemas',
    key: 'annotation_schema_id',
    fields: (t: Tools) => ({
      name: t.name,
      version: () => t.word(['1', '2', '10']),
      task_type: () => t.word(taskTypes),
      allowed_annotation_kinds: () => t.some(() => t.word(annotationKinds)),
      labels: t.labels,
      allow_scores: t.flag,
      required_attributes: () => t.some(() => 'pose'),
      optional_attributes: () => t.some(() => 'size'),
      allow_additional_attributes: t.flag,
      metadata: t.object,
    }),
  },
  annotation_sets: {
    family: 'annotation_sets',
    key: 'annotation_set_id',
    fields: (t: Tools) => ({
      name: t.name,
      purpose: () => t.word(['ground_truth', 'review']),
      source_type: () => t.word(['human', 'mixed']),
      status: () => t.word(['draft', 'archived']),
      annotation_schema_id: () => t.id('annotation_schemas'),
      metadata: t.object,
    }),
  },
  annotation_records: {
    family: 'annotation_records',
    key: 'annotation_id',
    fields: (t: Tools) => ({
      subject: t.subject,
      kind: () => t.word(annotationKinds),
      label: () => t.word(labels),
      label_id: () => 1,
      score: t.number,
      source: t.source,
      geometry: t.object,
      attributes: t.object,
      metadata: t.object,
    }),
  },
  datums: {
    family: 'datums',
    key: 'datum_id',
    fields: (t: Tools) => ({
      asset_refs: t.assetRefs,
      split: () => t.word(['train', 'val', 'test']),
      metadata: t.object,
      annotation_set_ids: () => t.some(() => t.id('annotation_sets')),
    }),
  },
} as const satisfies Record<
  string,
  {
    readonly family: Family
    readonly key: string
    readonly fields: (tools: Tools) => Readonly<Record<string, () => Json>>
  }
>

/** Changes that no record takes. */
const foreignChanges: readonly Fields[] = [
  { colour: 1 },
  { collection_id: 'x', datum_id: 'x', annotation_id: 'x', annotation_set_id: 'x' },
  { created_at: '2020-01-01T00:00:00Z' },
  { updated_at: '2020-01-01T00:00:00Z' },
  { metadata: null },
  { $set: { name: 'x' } },
  { 'metadata.x': 1 },
]

const byCreation = ['created_desc', 'created_asc']
const sortsOf: Readonly<Record<Family, readonly string[]>> = {
  assets: byCreation,
  collections: byCreation,
  collection_items: byCreation,
  asset_retentions: byCreation,
  annotation_schemas: byCreation,
  annotation_sets: byCreation,
  // Subjects are random: their order is that of one asset's records only.
  annotation_records: ['created_desc'],
  datums: ['created_desc', 'split_created_desc'],
  dataset_versions: ['created_desc', 'dataset_version_desc'],
}

const badCursors = [
  '',
  '?',
  'bm90IGpzb24',
  Buffer.from('[1]').toString('base64url'),
  Buffer.from('{}').toString('base64url'),
  Buffer.from('{"resource": "assets"}').toString('base64url'),
]

function extra(random: Random): Fields {
  return random.of<Fields>([
    { unexpected: 1 },
    { _id: 'x', revision_id: null },
    { payload: {} },
    { toString: 1 },
    { '': [] },
  ])
}

/** A request with one value replaced or left out, anywhere. */
function corrupted(random: Random, request: Fields): { value: Json; wrong: Call['wrong'] } {
  if (random.oneIn(25)) {
    const value = random.of<Json>([null, [], 'text', 1, [{}]])
    return { value, wrong: { path: '', value } }
  }
  const paths = pathsOf(request)
  if (paths.length === 0) return { value: request, wrong: undefined }
  const path = random.of(paths)
  const value = random.oneIn(5) ? undefined : wrongValue(random)
  return { value: replaced(request, path, value), wrong: { path: path.join('.'), value } }
}

/** Of free-form fields only the field itself: nothing within is wrong. */
const freeForm = /^(metadata|asset_metadata|object_metadata|geometry|attributes|filters)$/

function pathsOf(value: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || freeForm.test(path.at(-1) ?? '')) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...pathsOf(inner as Json, [...path, key]),
  ])
}

function replaced(value: Json, [step, ...rest]: readonly string[], by: Json | undefined): Json {
  if (step === undefined) return by ?? null
  const entries = Object.entries(value as Fields).flatMap(([key, inner]) => {
    if (key !== step) return [[key, inner] as const]
    if (rest.length === 0 && by === undefined) return []
    return [[key, replaced(inner, rest, by)] as const]
  })
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

/** While there is next to nothing. */
const openings = [
  'objects.put',
  'assets.create_from_object',
  'assets.create',
  'collections.create',
  'summary',
]

/** The more often a task stands here, the more often it is called. */
const tasks = [
  ...['health', 'summary', 'status', 'class_name', 'endpoints'],
  ...Array(4).fill('objects.put'),
  ...Array(3).fill('objects.get'),
  ...Array(3).fill('objects.head'),
  ...Array(2).fill('objects.copy'),
  ...Array(2).fill('objects.upload_session.create'),
  ...Array(3).fill('objects.upload_session.complete'),
  ...Array(2).fill('assets.create'),
  'assets.create_from_uploaded_object',
  ...Array(4).fill('assets.create_from_object'),
  ...['assets.get', 'assets.get_by_alias', 'assets.download_url', 'assets.download_urls'],
  ...['assets.list', 'assets.list_page', 'assets.list_page', 'assets.update_metadata'],
  ...['assets.delete', 'aliases.add', 'aliases.add'],
  ...Array(2).fill('collections.create'),
  ...['collections.get', 'collections.list', 'collections.list_page', 'collections.update'],
  ...['collections.update', 'collections.delete'],
  ...Array(3).fill('collection_items.create'),
  ...['collection_items.get', 'collection_items.list', 'collection_items.list_page'],
  ...['collection_items.list_page', 'collection_items.resolve', 'collection_items.update'],
  ...['collection_items.update', 'collection_items.delete'],
  ...Array(2).fill('asset_retentions.create'),
  ...['asset_retentions.get', 'asset_retentions.list', 'asset_retentions.list_page'],
  ...['asset_retentions.update', 'asset_retentions.delete'],
  ...Array(3).fill('annotation_schemas.create'),
  ...['annotation_schemas.get', 'annotation_schemas.get_by_name_version'],
  ...['annotation_schemas.list', 'annotation_schemas.list_page', 'annotation_schemas.update'],
  ...['annotation_schemas.update', 'annotation_schemas.delete'],
  ...Array(3).fill('annotation_sets.create'),
  ...['annotation_sets.get', 'annotation_sets.list', 'annotation_sets.list_page'],
  ...['annotation_sets.update', 'annotation_sets.update'],
  ...Array(6).fill('annotation_records.add'),
  ...['annotation_records.get', 'annotation_records.list', 'annotation_records.list_page'],
  ...['annotation_records.list_page', 'annotation_records.list_for_asset'],
  ...['annotation_records.list_for_asset_page', 'annotation_records.update'],
  ...['annotation_records.update', 'annotation_records.delete'],
  ...Array(3).fill('datums.create'),
  ...['datums.get', 'datums.list', 'datums.list_page', 'datums.list_page', 'datums.update'],
  ...['datums.update', 'datums.resolve', 'datums.resolve'],
  ...Array(3).fill('dataset_versions.create'),
  ...['dataset_versions.get', 'dataset_versions.list', 'dataset_versions.list_page'],
  ...['dataset_versions.list_page', 'dataset_versions.resolve'],
  ...['dataset_versions.verify_integrity', 'dataset_versions.verify_integrity'],
  ...Array(4).fill('dataset_versions.view_page'),
] as readonly string[]
