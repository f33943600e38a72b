/** Statuses that anything may answer: a wrong name of the service, and what nobody foresaw. */
export const always: readonly number[] = [403, 500]

/** Statuses of what asks for a key. */
export const admission: readonly number[] = [401, 403, 429, 500, 503]

/** Statuses of what goes to the lake. */
export const ofTheLake: readonly number[] = [501, 503, 504]

/** A name for generated code: `assets_list_page` for `assets.list_page`, as in Python's client; `read_asset` for `readAsset`. */
export function operationId(name: string): string {
  return name.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
