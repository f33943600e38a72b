import type { ParsedChange } from '../../change.ts'

/** Makes a change in a document, in place. */
export function applyChange(document: Record<string, unknown>, change: ParsedChange): void {
  for (const [field, value] of change.set) document[field] = value
  for (const [field, elements] of change.add) {
    const kept = elementsOf(document[field])
    const known = new Set<unknown>(kept)
    // What stands there twice already stays so.
    document[field] = [...kept, ...new Set(elements.filter((element) => !known.has(element)))]
  }
  for (const [field, elements] of change.remove) {
    const gone = new Set<unknown>(elements)
    document[field] = elementsOf(document[field]).filter((element) => !gone.has(element))
  }
  for (const [field, amount] of change.inc) {
    document[field] = Number(document[field] ?? 0) + amount
  }
}

function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
