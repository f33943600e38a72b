import type { Json } from '../../golden/like-the-reference.ts'
import { type Family, keyOf } from '../families.ts'

/** A stored object, as answers name it. */
export interface Ref {
  readonly mount: string
  readonly name: string
  readonly version: string | null
}

type Document = { readonly [key: string]: Json }

/** How answers name one document of each family. */
const single: Readonly<Record<string, Family>> = {
  asset: 'assets',
  collection: 'collections',
  collection_item: 'collection_items',
  asset_retention: 'asset_retentions',
  annotation_schema: 'annotation_schemas',
  annotation_set: 'annotation_sets',
  datum: 'datums',
  dataset_version: 'dataset_versions',
}

/** What the services hold so far, by the ids of the Python service. */
export class World {
  readonly #ids = new Map<Family, string[]>()
  /** Ids of what was deleted. */
  readonly gone: string[] = []
  readonly refs: Ref[] = []
  readonly aliases: string[] = []
  readonly schemas: Document[] = []
  readonly datasets: { readonly dataset_name: string; readonly version: string }[] = []
  readonly pages: { readonly task: string; readonly request: Document; readonly cursor: string }[] =
    []
  readonly uploads: Document[] = []

  ids(family: Family): readonly string[] {
    return this.#ids.get(family) ?? []
  }

  /** Takes in what both services have answered. */
  learn(task: string, request: Document, answer: Json): void {
    if (task.endsWith('.delete')) {
      this.#forget(task, request)
      return
    }
    if (typeof answer !== 'object' || answer === null) return
    const body = answer as Document
    const made = /\.(create|create_from_object|create_from_uploaded_object|add)$/.test(task)
    for (const [name, family] of Object.entries(single)) {
      if (made && body[name] !== undefined) this.#add(family, body[name] as Document)
    }
    if (task === 'annotation_records.add') {
      for (const one of body.annotation_records as unknown as Document[]) {
        this.#add('annotation_records', one)
      }
    }
    if (task === 'objects.put' || task === 'objects.copy') {
      this.refs.push(body.storage_ref as unknown as Ref)
    }
    if (task === 'assets.create_from_object') {
      this.refs.push((body.asset as Document).storage_ref as unknown as Ref)
    }
    if (task === 'aliases.add') this.aliases.push(request.alias as string)
    if (task === 'annotation_schemas.create') this.schemas.push(body.annotation_schema as Document)
    if (task === 'dataset_versions.create') {
      const { dataset_name, version } = body.dataset_version as Document
      this.datasets.push({ dataset_name: dataset_name as string, version: version as string })
    }
    if (task === 'objects.upload_session.create') this.uploads.push(body)
    const { page } = body
    if (task.endsWith('_page') && typeof page === 'object' && page !== null) {
      const cursor = (page as Document).next_cursor
      if (typeof cursor === 'string') this.pages.push({ task, request, cursor })
    }
  }

  /** Leaves alone the objects whose names stand in a request that one side may have carried out. */
  burn(request: Json): void {
    const text = JSON.stringify(request)
    for (const ref of [...this.refs]) {
      if (text.includes(JSON.stringify(ref.name))) this.refs.splice(this.refs.indexOf(ref), 1)
    }
  }

  #add(family: Family, document: Document): void {
    const id = document[keyOf[family]] as string
    this.#ids.set(family, [...this.ids(family), id])
  }

  #forget(task: string, request: Document): void {
    const family = task.split('.')[0] as Family
    const id = request.id as string
    this.#ids.set(
      family,
      this.ids(family).filter((one) => one !== id),
    )
    this.gone.push(id)
  }
}
