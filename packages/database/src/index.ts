export type { Change } from './change.ts'
export {
  type Backend,
  type Collection,
  type CollectionDefinition,
  defineCollection,
  type Index,
  type IndexDefinition,
  type IndexField,
  maxDocumentBytes,
  maxKeyBytes,
  type Stored,
} from './collection.ts'
export type { Database, DatabaseLoad, Repositories } from './database.ts'
export {
  type Condition,
  type Filter,
  type FilterOperators,
  ParsedFilter,
  parseFilter,
  type RangeOperator,
} from './filter.ts'
export { objectIdOf } from './object-id.ts'
export { type Keyset, keysetOf, type Sort } from './page.ts'
export {
  type ElementKind,
  type Path,
  type PathKind,
  type Scalar,
  type Shape,
  valueAt,
} from './paths.ts'
export type {
  Duplicate,
  FilterInput,
  FindOptions,
  HoldOptions,
  ReadOptions,
  Repository,
  StreamOptions,
} from './repository.ts'
export { tracedDatabase } from './traced-database.ts'
