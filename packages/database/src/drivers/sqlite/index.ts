export type { BackupOptions, BackupProgress } from './backup.ts'
export {
  openSqliteDatabase,
  type SqliteDatabase,
  type SqliteOptions,
  sqlitePathOf,
} from './sqlite-database.ts'
