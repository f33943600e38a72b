/** Hues apart from each other, light enough for dark text on them and for lines on photographs. */
export const palette = [
  '#ff6f61',
  '#4aa8ff',
  '#ffb02e',
  '#2fd38a',
  '#c98bff',
  '#27cfd3',
  '#ff7ac6',
  '#a3d93b',
  '#8f9bff',
  '#f0dc3a',
] as const

export type LabelColors = ReadonlyMap<string, string>

/**
 * A colour for each label. A label asks for a colour by its hash and gets the next free one, so that
 * labels keep their colours between pages and versions and two labels share one only when there are
 * more labels than colours.
 */
export function labelColors(labels: Iterable<string>): LabelColors {
  const colors = new Map<string, string>()
  const taken = new Set<number>()
  for (const label of [...new Set(labels)].sort()) {
    if (taken.size === palette.length) taken.clear()
    let slot = hashOf(label) % palette.length
    while (taken.has(slot)) slot = (slot + 1) % palette.length
    taken.add(slot)
    colors.set(label, palette[slot] as string)
  }
  return colors
}

/** The colour of a label, also of one that the statistics did not count. */
export function colorOf(colors: LabelColors, label: string): string {
  return colors.get(label) ?? (palette[hashOf(label) % palette.length] as string)
}

/** FNV-1a over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}
