const place = 'mindtrace-key'

/** The key that was given in this tab; it goes with the tab. */
export function lakeKey(): string | undefined {
  return sessionStorage.getItem(place) ?? undefined
}

/** Starts the page again with a key, at the same place; without one nobody is signed in any more. */
export function signIn(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(place)
  else sessionStorage.setItem(place, key)
  location.reload()
}
