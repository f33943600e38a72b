/** A new public id: `<prefix>_` and the 32 hex digits of a random UUID. Ids are opaque on input. */
export function newId(prefix: string): string {
  return `${prefix}_${newToken()}`
}

/** 32 random hex digits (122 random bits), for tokens and temporary names. */
export function newToken(): string {
  return crypto.randomUUID().replaceAll('-', '')
}
