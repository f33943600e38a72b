import type {
  AnnotationRecord,
  AnnotationSet,
  Asset,
  Datum,
  ResolvedDatum,
} from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Records } from './records.ts'
import { notFound } from './references.ts'

/** What datums lead to, read in three batched look-ups. */
export interface DatumGraph {
  readonly assets: ReadonlyMap<string, Asset>
  readonly sets: ReadonlyMap<string, AnnotationSet>
  readonly records: ReadonlyMap<string, AnnotationRecord>
}

/** Which parts of the graph to read. */
export interface GraphParts {
  readonly assets: boolean
  readonly annotation_sets: boolean
  readonly annotation_records: boolean
}

/** Reads what datums lead to. Records bring their sets. */
export async function datumGraph(
  { assets, annotationSets, annotationRecords }: Records,
  datums: readonly Pick<Datum, 'asset_refs' | 'annotation_set_ids'>[],
  wanted: GraphParts,
  options: CallOptions,
): Promise<DatumGraph> {
  const wantsSets = wanted.annotation_sets || wanted.annotation_records
  const assetIds = wanted.assets ? datums.flatMap((datum) => Object.values(datum.asset_refs)) : []
  const setIds = wantsSets ? datums.flatMap((datum) => datum.annotation_set_ids) : []
  const [assetsById, setsById] = await Promise.all([
    assets.getMany(assetIds, options),
    annotationSets.getMany(setIds, options),
  ])
  const recordIds = wanted.annotation_records
    ? [...setsById.values()].flatMap((set) => set.annotation_record_ids)
    : []
  return {
    assets: assetsById,
    sets: setsById,
    records: await annotationRecords.getMany(recordIds, options),
  }
}

/**
 * Datums with everything they lead to, in their order.
 *
 * @throws `NOT_FOUND` for the first link that leads nowhere.
 */
export async function resolveDatums(
  records: Records,
  datums: readonly Datum[],
  options: CallOptions,
): Promise<ResolvedDatum[]> {
  const everything = { assets: true, annotation_sets: true, annotation_records: true }
  const graph = await datumGraph(records, datums, everything, options)
  return datums.map((datum) => {
    const sets = datum.annotation_set_ids.map((id) =>
      found(graph.sets, id, 'Annotation set', 'annotation_set_id'),
    )
    return {
      datum,
      assets: Object.fromEntries(
        Object.entries(datum.asset_refs).map(([role, id]) => [
          role,
          found(graph.assets, id, 'Asset', 'asset_id'),
        ]),
      ),
      annotation_sets: sets,
      annotation_records: Object.fromEntries(
        sets.map((set) => [
          set.annotation_set_id,
          set.annotation_record_ids.map((id) =>
            found(graph.records, id, 'Annotation record', 'annotation_id'),
          ),
        ]),
      ),
    }
  })
}

function found<T>(map: ReadonlyMap<string, T>, id: string, what: string, field: string): T {
  const value = map.get(id)
  if (value === undefined) throw notFound(what, field, [id])
  return value
}
