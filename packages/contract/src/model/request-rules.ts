import type { z } from 'zod'

type Refinement<T> = (value: T, context: z.RefinementCtx<T>) => void

interface WithMountMap {
  readonly mount_map?: Record<string, string> | null | undefined
}

/** Neither a key nor a value of `mount_map` may be empty. */
export const checkMountMap: Refinement<WithMountMap> = ({ mount_map }, context) => {
  for (const [from, to] of Object.entries(mount_map ?? {})) {
    if (from === '' || to === '') {
      context.addIssue({
        code: 'custom',
        path: ['mount_map'],
        message: 'mount_map keys and values must be non-empty strings',
      })
      return
    }
  }
}

/** Imports keep the ids of the source: `preserve_ids: false` was never supported. */
export const checkPreserveIds: Refinement<{ readonly preserve_ids: boolean }> = (
  { preserve_ids },
  context,
) => {
  if (!preserve_ids) context.addIssue({ code: 'custom', message: 'preserve_ids must be true' })
}

/** What an import request must keep beside the types of its fields. */
export const checkImportRequest: Refinement<
  WithMountMap & {
    readonly preserve_ids: boolean
    readonly metadata_first: boolean
    readonly target_metadata_commit: boolean
  }
> = (request, context) => {
  checkMountMap(request, context as z.RefinementCtx<WithMountMap>)
  checkPreserveIds(request, context as z.RefinementCtx<{ readonly preserve_ids: boolean }>)
  if (request.metadata_first && request.target_metadata_commit) {
    context.addIssue({
      code: 'custom',
      message: 'metadata_first and target_metadata_commit exclude each other',
    })
  }
}
