import type { ParsedChange } from '../../change.ts'

/** Makes a change in a document, in place. */
export function applyChange(document: Record<string, unknown>, change: ParsedChange): void {
  for (const [field, value] of change.set) document[field] = value
  for (const [field, elements] of change.add) {
    document[field] = [...new Set([...elementsOf(document[field]), ...elements])]
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
