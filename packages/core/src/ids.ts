/** A new public id: `<prefix>_` and the 32 hex digits of a random UUID. Ids are opaque on input. */
export function newId(prefix: string): string {
  return `${prefix}_${newToken()}`
}

/** 32 random hex digits (122 random bits), for tokens and temporary names. */
export function newToken(): string {
  const uuid = crypto.randomUUID()
  return (
    uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
  )
}
