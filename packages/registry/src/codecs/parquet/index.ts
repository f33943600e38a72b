export {
  type ColumnBatch,
  ParquetBatches,
  type ParquetColumn,
  parquetCodec,
  parquetColumns,
} from './parquet-codec.ts'
