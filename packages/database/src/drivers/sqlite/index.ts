export {
  openSqliteDatabase,
  type SqliteDatabase,
  type SqliteOptions,
  sqlitePathOf,
} from './sqlite-database.ts'
