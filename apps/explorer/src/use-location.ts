import { useEffect, useState } from 'preact/hooks'
import { formatLocation, type Location, parseLocation } from './location.ts'

/** `replace` changes the entry in the browser's history instead of adding one. */
export type Navigate = (changes: Partial<Location>, how?: 'push' | 'replace') => void

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
  const [navigate] = useState(
    () =>
      (changes: Partial<Location>, how: 'push' | 'replace' = 'push') => {
        const next = { ...parseLocation(window.location.hash), ...changes }
        const address = formatLocation(next)
        if (how === 'replace') history.replaceState(null, '', address)
        else history.pushState(null, '', address)
        setLocation(next)
      },
  )
  return [location, navigate]
}
