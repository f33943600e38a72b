import type { Logger } from '@mindtrace/core'
import { errorResponse, type FailedRequest } from '../error-response.ts'

/**
 * An error as one text, `404: no asset …`: the status and detail that HTTP would answer, where a 422 has the
 * path of each of its errors. What nobody foresaw becomes a 500 with an id that stands in the log.
 */
export async function failureText(
  error: unknown,
  request: Pick<FailedRequest, 'path' | 'task' | 'body'>,
  log: Logger,
): Promise<string> {
  const response = errorResponse(error, { method: 'MCP', ...request }, log)
  const { detail } = (await response.json()) as { readonly detail: unknown }
  return `${response.status}: ${textOf(detail)}`
}

function textOf(detail: unknown): string {
  if (typeof detail === 'string') return detail
  if (!Array.isArray(detail)) return JSON.stringify(detail)
  return (detail as { readonly loc: readonly unknown[]; readonly msg: string }[])
    .map(({ loc, msg }) => `${loc.slice(1).join('.') || 'arguments'}: ${msg}`)
    .join('; ')
}
