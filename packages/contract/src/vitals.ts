import type { CallOptions, ErrorCode } from '@mindtrace/core'

/** One of the parts that a lake needs, and how it is. */
export interface PartState {
  /** `database`, or `mount NAME`. */
  readonly part: string
  readonly ok: boolean
  /** Why not; its text may hold names and places, and stays inside. */
  readonly code?: ErrorCode | undefined
}

/** How busy a lake in this process is. */
export interface LakeLoad {
  readonly database: {
    /** Calls that wait for their turn to write, or for a connection. */
    readonly waiting: number
    readonly connections?: { readonly open: number; readonly inUse: number } | undefined
  }
  /** Bytes that went through each mount since the lake was opened. */
  readonly mounts: Readonly<
    Record<string, { readonly readBytes: number; readonly writtenBytes: number }>
  >
}

/** What a lake in this process tells whoever watches it. No task and no remote caller reaches it. */
export interface LakeVitals {
  /** Asks database and mounts whether they answer, all at once. What does not before the signal has failed. */
  check(options?: CallOptions): Promise<readonly PartState[]>
  /** Costs nothing. */
  load(): LakeLoad
  /** What waits in queues that all processes of the lake share, by the queue's name. @throws `UNAVAILABLE`. */
  queues(options?: CallOptions): Promise<Readonly<Record<string, number>>>
}
