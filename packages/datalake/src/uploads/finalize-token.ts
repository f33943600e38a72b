import { timingSafeEqual } from 'node:crypto'
import { MindtraceError } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'

/** Compares in a time that tells nothing about the token. @throws `FORBIDDEN` when it is another. */
export function checkFinalizeToken(
  session: { readonly upload_session_id: string; readonly finalize_token: string },
  token: string,
): void {
  const digest = (text: string) => Buffer.from(sha256Hex(text), 'hex')
  if (timingSafeEqual(digest(session.finalize_token), digest(token))) return
  throw new MindtraceError(
    'FORBIDDEN',
    `this is not the finalize token of upload session '${session.upload_session_id}'`,
    { details: { upload_session_id: session.upload_session_id } },
  )
}
