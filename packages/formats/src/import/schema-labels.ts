import type { IngestSample, IngestSchema } from '@mindtrace/contract'

/** The schemas of an import, growing by the labels that samples bring. */
export class SchemaLabels {
  readonly #schemas: readonly IngestSchema[]
  readonly #labelsBySchema = new Map<string, Map<string, IngestSchema['labels'][number]>>()

  constructor(schemas: readonly IngestSchema[]) {
    this.#schemas = schemas
    for (const schema of schemas) {
      const labels = schema.labels.map((label) => [label.name, label] as const)
      this.#labelsBySchema.set(keyOf(schema), new Map(labels))
    }
  }

  /** Takes in the labels of samples and says whether any is new. */
  learn(samples: readonly Pick<IngestSample, 'annotation_sets'>[]): boolean {
    let hasNew = false
    for (const set of samples.flatMap((sample) => sample.annotation_sets)) {
      const labels = set.schema === null ? undefined : this.#labelsBySchema.get(keyOf(set.schema))
      if (labels === undefined) continue
      for (const { label: name, label_id: id } of set.records) {
        if (labels.has(name)) continue
        labels.set(name, { name, id, display_name: null, color: null, metadata: {} })
        hasNew = true
      }
    }
    return hasNew
  }

  /** The schemas with all labels known by now. */
  schemas(): IngestSchema[] {
    return this.#schemas.map((schema) => ({
      ...schema,
      labels: [...(this.#labelsBySchema.get(keyOf(schema))?.values() ?? [])],
    }))
  }
}

function keyOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return JSON.stringify([name, version])
}
