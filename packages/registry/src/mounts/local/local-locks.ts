import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallOptions, newToken, systemErrorCode } from '@mindtrace/core'
import * as z from 'zod'
import type { MountLock } from '../../mount.ts'
import { discard } from './discard.ts'

const lifeMs = 30_000
/** Clocks of hosts differ: a lock counts as over only this much later, and is not relied on so much earlier. */
const skewMs = 5_000
const refreshMs = 5_000
const maxSpares = 128

const LockText = z.looseObject({
  lock_id: z.string(),
  expires_at: z.number(),
  /** Ours: the machine, process table and process that hold it. */
  owner: z.string().optional(),
})

interface Template {
  readonly path: string
  readonly id: string
  readonly madeAtMs: number
}

interface Spare {
  readonly path: string
  readonly template: Template
}

/**
 * The reference's lock files, so that Python and several of us can write one folder.
 *
 *     _locks_<name>/_exclusive        {"lock_id": "<uuid>", "expires_at": <seconds>}
 *     _locks_<name>/_shared_<uuid>    the same, one per reader
 *
 * A lock folder appears whole, by renaming a spare one that holds the text already, and becomes a spare
 * again: making and removing a folder each time costs ten times as much, as ext4 searches past the
 * inodes freed in the last minute for a new one.
 *
 * @see registry.md 10.1 and 24.3
 */
export class LocalLocks {
  readonly #root: string
  readonly #staging: string
  #template: Template | undefined
  readonly #spares: Spare[] = []

  constructor(root: string, staging: string) {
    this.#root = root
    this.#staging = staging
  }

  async acquire(
    name: string,
    { waitMs = 0, signal }: CallOptions & { readonly waitMs?: number | undefined } = {},
  ): Promise<MountLock | undefined> {
    const deadline = performance.now() + waitMs
    for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      signal?.throwIfAborted()
      const lock = this.#tryAcquire(name)
      if (lock !== undefined) return lock
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return undefined
      const jittered = pauseMs * (0.5 + Math.random())
      await sleep(Math.min(jittered, leftMs), undefined, signal ? { signal } : {}).catch(() => {})
    }
  }

  isLocked(name: string): boolean {
    const text = readLock(join(this.#folderOf(name), '_exclusive'))
    return text !== undefined && !isOver(text)
  }

  /** Removes the spare locks and the text they share. */
  close(): void {
    for (const { path } of this.#spares.splice(0)) discard(path)
    if (this.#template !== undefined) discard(this.#template.path)
    this.#template = undefined
  }

  #folderOf(name: string): string {
    return join(this.#root, `_locks_${name}`)
  }

  #tryAcquire(name: string): MountLock | undefined {
    const folder = this.#folderOf(name)
    for (let attempt = 0; attempt < 8; attempt++) {
      const spare = this.#takeSpare()
      try {
        renameSync(spare.path, folder)
      } catch (error) {
        this.#spares.push(spare)
        const code = systemErrorCode(error)
        if (code === 'ENOENT') makeFolder(dirname(folder))
        else if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
        else if (!this.#clear(folder)) return undefined
        continue
      }
      // No reader holds it: one that came before keeps the folder from being replaced, and one that comes after
      // finds our file when it looks again, as it must, and leaves.
      return this.#heldLock(folder, spare)
    }
    return undefined
  }

  /** Removes what is over from a lock folder; false when a live holder is in it. */
  #clear(folder: string): boolean {
    let isClear = true
    for (const entry of readIfThere(folder)) {
      if (!this.#removeIfOver(join(folder, entry))) isClear = false
    }
    if (isClear) removeIfEmpty(folder)
    return isClear
  }

  #takeSpare(): Spare {
    const template = this.#currentTemplate()
    const spare = this.#spares.pop()
    if (spare?.template === template) return spare
    const path = spare?.path ?? join(this.#staging, `lock-${newToken()}`)
    if (spare === undefined) makeFolder(path)
    else unlinkIfThere(join(path, '_exclusive'))
    linkSync(template.path, join(path, '_exclusive'))
    return { path, template }
  }

  #heldLock(folder: string, { path: sparePath, template }: Spare): MountLock {
    const path = join(folder, '_exclusive')
    let isReleased = false
    const isHeld = () => !isReleased && Date.now() < template.madeAtMs + lifeMs - skewMs
    return {
      isHeld,
      [Symbol.asyncDispose]: async () => {
        if (isReleased) return
        const isOurs = isHeld() || readLock(path)?.lock_id === template.id
        isReleased = true
        if (!isOurs) return
        if (readIfThere(folder).length === 1 && this.#spares.length < maxSpares) {
          renameSync(folder, sparePath)
          this.#spares.push({ path: sparePath, template })
        } else {
          unlinkIfThere(path)
          removeIfEmpty(folder)
        }
      },
    }
  }

  // Renamed first, so that of two who find it over only one removes it and no fresh lock goes with it.
  #removeIfOver(path: string): boolean {
    const text = readLock(path)
    if (text === undefined) return true
    if (!isOver(text)) return false
    const aside = join(this.#staging, `lock-${newToken()}`)
    try {
      renameSync(path, aside)
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return true
      throw error
    }
    const moved = readLock(aside)
    if (moved !== undefined && moved.lock_id !== text.lock_id) {
      ignoring(['EEXIST', 'ENOENT'], () => linkSync(aside, path))
    }
    unlinkSync(aside)
    return true
  }

  #currentTemplate() {
    const now = Date.now()
    const current = this.#template
    if (current !== undefined && now >= current.madeAtMs && now - current.madeAtMs < refreshMs) {
      return current
    }
    const id = crypto.randomUUID()
    const path = join(this.#staging, `lock-${id}`)
    makeFolder(this.#staging)
    const expires = (now + lifeMs) / 1000
    writeFileSync(
      path,
      JSON.stringify({ lock_id: id, expires_at: expires, owner: ownerOf(process.pid) }),
      { flag: 'wx' },
    )
    if (current !== undefined) unlinkIfThere(current.path)
    this.#template = { path, id, madeAtMs: now }
    return this.#template
  }
}

type LockFile =
  | z.infer<typeof LockText>
  | { readonly lock_id: ''; readonly expires_at: 0; readonly owner?: undefined }

// An unreadable lock counts as over, as in the reference.
function readLock(path: string): LockFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
  try {
    return LockText.parse(JSON.parse(text))
  } catch {
    return { lock_id: '', expires_at: 0 }
  }
}

function isOver(lock: LockFile): boolean {
  if (Date.now() > lock.expires_at * 1000 + skewMs) return true
  if (lock.owner === undefined) return false
  const [place, pid, startedAt] = lock.owner.split('|')
  const [here] = ownerOf(process.pid)?.split('|') ?? []
  if (here === undefined || place !== here) return false
  return startedAt !== startOf(Number(pid))
}

// Process numbers mean something only within one boot and one process table (container).
let place: string | undefined
function ownerOf(pid: number): string | undefined {
  try {
    place ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined // no /proc: such locks end by their time only
  }
  return `${place}|${pid}|${startOf(pid)}`
}

// Numbers are used again; the start time tells the processes apart. Field 22, counted after the name.
// @see proc_pid_stat(5)
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : fields[18]
  } catch {
    return undefined
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw error
    makeFolder(dirname(folder))
    makeFolder(folder)
  }
}

function readIfThere(folder: string): readonly string[] {
  let entries: readonly string[] = []
  ignoring(['ENOENT', 'ENOTDIR'], () => {
    entries = readdirSync(folder)
  })
  return entries
}

function unlinkIfThere(path: string): void {
  ignoring(['ENOENT'], () => unlinkSync(path))
}

function removeIfEmpty(folder: string): void {
  ignoring(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => rmdirSync(folder))
}

function ignoring(codes: readonly string[], step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!codes.includes(systemErrorCode(error) ?? '')) throw error
  }
}
