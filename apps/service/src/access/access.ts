import type { LakeAccess, LakeStreams, TaskCall } from '@mindtrace/contract'
import { type Logger, silentLogger, systemClock } from '@mindtrace/core'
import { AuditTrail } from './audit-trail.ts'
import { type Caller, createGuard } from './guard.ts'
import { KeyRing } from './key-ring.ts'
import { presentedKey } from './presented-key.ts'
import { anyone } from './principal.ts'
import { RateLimiter, type RateLimits } from './rate-limit.ts'

/** Who may do what in a service, and what is written down of it. */
export interface AccessOptions {
  /** Keys and audit log of the lake. Without it nobody is asked for a key and nothing is written down. */
  readonly lake?: LakeAccess | undefined
  /** Serves what deletes everything, and `shutdown`, to admins. Default: to nobody. */
  readonly allowDestructive?: boolean | undefined
  readonly rates?: RateLimits | undefined
  /** Days after which entries of the audit log are removed; default: never. */
  readonly auditDays?: number | undefined
  readonly log?: Logger | undefined
  readonly now?: (() => string) | undefined
  readonly nowMs?: (() => number) | undefined
}

/** What an {@link Access} stands before. */
export interface Guarded {
  readonly call: TaskCall
  readonly streams: LakeStreams
}

/** The keys, the limits and the audit log of one service. Disposing writes down what is waiting. */
export interface Access extends AsyncDisposable {
  /** Whether callers are asked for a key. @throws `UNAVAILABLE`. */
  required(): Promise<boolean>
  /** Entries of the audit log that are not written yet. */
  waiting(): number
  /** Puts it before a lake. */
  guard(guarded: Guarded): Gate
}

/** Lets requests in. */
export interface Gate {
  /**
   * The caller of a request, and what is to be called when its answer is out.
   *
   * @throws `UNAUTHENTICATED`, `RATE_LIMITED`, `UNAVAILABLE`.
   */
  admit(
    request: Request,
    requestId: string,
  ): Promise<{ readonly caller: Caller; readonly leave: () => void }>
  /** The caller of a request to a path that asks for no key. */
  open(requestId: string): Caller
}

/** Makes the {@link Access} of a service. */
export function createAccess(options: AccessOptions = {}): Access {
  const { lake, allowDestructive = false, log = silentLogger } = options
  const now = options.now ?? systemClock.now
  const nowMs = options.nowMs ?? (() => performance.now())
  const ring = new KeyRing({ access: lake, now, nowMs })
  const trail = new AuditTrail({ access: lake, keepDays: options.auditDays, log, nowMs })
  const { rates = {} } = options
  const limiter = new RateLimiter(rates, nowMs)
  // Without keys everybody is the same caller: no number is taken for all of them that nobody asked for.
  const { concurrent = Number.POSITIVE_INFINITY } = rates
  const together = new RateLimiter({ ...rates, concurrent }, nowMs)
  return {
    required: () => ring.required(),
    waiting: () => trail.waiting,
    guard: ({ call, streams }) => {
      const callerOf = createGuard({ call, streams, trail, now, allowDestructive })
      return {
        admit: async (request, requestId) => {
          const principal = await ring.identify(presentedKey(request.headers))
          const isKeyed = principal.id !== 'local'
          const leave = (isKeyed ? limiter : together).enter(principal.id)
          if (isKeyed) trail.used(principal.id, now)
          return { caller: callerOf(principal, requestId), leave }
        },
        open: (requestId) => callerOf(anyone, requestId),
      }
    },
    [Symbol.asyncDispose]: () => trail[Symbol.asyncDispose](),
  }
}
