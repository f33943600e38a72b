import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { systemErrorCode } from '@mindtrace/core'
import type { Publication, Written } from '../../mount.ts'
import { existsAlready } from '../mount-errors.ts'
import { localError } from './local-errors.ts'
import { etagOf } from './local-facts.ts'
import type { LocalPaths } from './local-paths.ts'
import { stagedFile } from './local-staging.ts'

const { O_RDONLY, O_DIRECTORY } = fs.constants

const fsync = promisify(fs.fsync)

/** Gives a staged file its name: by a link where nothing may be replaced, which the system decides. */
export function publishOne(paths: LocalPaths, publication: Publication): Written {
  const staged = stagedFile(publication.staged)
  const target = paths.pathOf(publication.key)
  try {
    const stat = staged.publish(() => {
      withFolder(paths, target, () => {
        if (publication.ifAbsent !== true) fs.renameSync(staged.path, target)
        else fs.linkSync(staged.path, target)
      })
      if (publication.ifAbsent === true) fs.unlinkSync(staged.path)
    })
    return { sizeBytes: staged.sizeBytes, sha256: staged.sha256, etag: etagOf(stat) }
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw existsAlready(publication.key, error)
    throw localError(error, 'write', target)
  }
}

// A delete, of ours or of Python, may take the empty folder away between making and using it.
function withFolder(paths: LocalPaths, target: string, step: () => void): void {
  for (let attempt = 0; ; attempt++) {
    try {
      paths.ensureFolderOf(target)
      step()
      return
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || attempt >= 8) throw error
      paths.forget()
    }
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  let fd: number
  try {
    fd = fs.openSync(folder, O_RDONLY | O_DIRECTORY)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    throw localError(error, 'open', folder)
  }
  try {
    await fsync(fd)
  } catch (error) {
    // Some file systems cannot sync folders.
    if (systemErrorCode(error) !== 'EINVAL') throw localError(error, 'write', folder)
  } finally {
    fs.closeSync(fd)
  }
}
