import { useEffect, useState } from 'preact/hooks'

/** A request on its way, done or failed. */
export type RequestState<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly error: unknown; readonly retry: () => void }

/** Runs `load` again whenever `key` changes, ending the call before; undefined runs nothing. */
export function useRequest<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
): RequestState<T> {
  const [attempt, setAttempt] = useState(0)
  const [result, setResult] = useState<{ key: string; state: RequestState<T> }>()
  useEffect(() => {
    if (key === undefined) return
    const controller = new AbortController()
    const { signal } = controller
    const retry = () => {
      setResult(undefined)
      setAttempt((count) => count + 1)
    }
    load(signal).then(
      (value) => {
        if (!signal.aborted) setResult({ key, state: { state: 'done', value } })
      },
      (error) => {
        if (!signal.aborted) setResult({ key, state: { state: 'failed', error, retry } })
      },
    )
    return () => controller.abort()
  }, [key, attempt])
  return result !== undefined && result.key === key ? result.state : { state: 'loading' }
}
