import { errorMessage, isMindtraceError } from '@mindtrace/core'
import type { ComponentChildren } from 'preact'

/** A quiet line with moving dots, announced to screen readers. */
export function Loading({ what }: { readonly what: string }) {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      <p>Loading {what}…</p>
    </div>
  )
}

/** What failed, why, and the way to try again. */
export function Failed({
  what,
  error,
  retry,
}: {
  readonly what: string
  readonly error: unknown
  readonly retry: () => void
}) {
  const isLocked =
    isMindtraceError(error, 'UNAUTHENTICATED') || isMindtraceError(error, 'FORBIDDEN')
  return (
    <div class="state" role="alert">
      <h2>{isLocked ? 'The key does not open this' : `Could not load ${what}`}</h2>
      <p>{errorMessage(error)}</p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** The page of a new lake. */
export function NoDatasets() {
  return (
    <main class="start">
      <Empty title="No datasets yet">
        <p>Import a folder of images with its annotations, then reload this page:</p>
        <pre>
          <code>mindtrace import voc FOLDER --dataset NAME</code>
        </pre>
        <p class="hint">
          Other formats work the same way: <code>mindtrace help import</code> lists them.
        </p>
        <button type="button" class="button" onClick={() => window.location.reload()}>
          Reload
        </button>
      </Empty>
    </main>
  )
}
