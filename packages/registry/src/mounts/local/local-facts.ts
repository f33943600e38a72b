import type { Stats } from 'node:fs'
import { toInstant } from '@mindtrace/core'
import type { MountObject } from '../../mount.ts'

/** What a mount knows about a file. */
export function objectOf(key: string, stat: Stats): MountObject {
  return { key, sizeBytes: stat.size, etag: etagOf(stat), modifiedAt: toInstant(stat.mtime) }
}

/** A publish gives a new inode; a Python writer that truncates in place changes time or size. */
export function etagOf(stat: Stats): string {
  return `${stat.ino.toString(36)}-${stat.mtimeMs.toString(36)}-${stat.size.toString(36)}`
}
