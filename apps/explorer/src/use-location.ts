import { useEffect, useState } from 'preact/hooks'
import { formatLocation, type Location, parseLocation } from './location.ts'

/**
 * `push` adds an entry to the browser's history, `replace` changes the one at hand, and `back` leaves it:
 * to the entry before when this page made it, else by replacing it.
 */
type HistoryStep = 'push' | 'replace' | 'back'
export type Navigate = (changes: Partial<Location>, step?: HistoryStep) => void

/** Marks the entries that this page added, so that it may go back from them. */
const ownEntry = 'mindtrace'

/** The location in the address bar, and a way to change parts of it. */
export function useLocation(): readonly [Location, Navigate] {
  const [location, setLocation] = useState(() => parseLocation(window.location.hash))
  useEffect(() => {
    const follow = () => setLocation(parseLocation(window.location.hash))
    window.addEventListener('popstate', follow)
    window.addEventListener('hashchange', follow)
    return () => {
      window.removeEventListener('popstate', follow)
      window.removeEventListener('hashchange', follow)
    }
  }, [])
  const [navigate] = useState<Navigate>(
    () =>
      (changes: Partial<Location>, step: HistoryStep = 'push') => {
        const next = { ...parseLocation(window.location.hash), ...changes }
        if (step === 'back' && history.state === ownEntry) {
          // What was replaced in this entry, such as hidden labels, stays so in the one before.
          window.addEventListener('popstate', () => navigate(next, 'replace'), { once: true })
          history.back()
          return
        }
        if (step === 'push') history.pushState(ownEntry, '', formatLocation(next))
        else history.replaceState(history.state, '', formatLocation(next))
        setLocation(next)
      },
  )
  return [location, navigate]
}
