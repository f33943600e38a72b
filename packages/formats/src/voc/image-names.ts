import { basename, extname } from 'node:path'

/** The images of a folder, by the names that lists and label files call them. */
export class ImageNames {
  readonly #base: string
  readonly #byKey = new Map<string, string[]>()
  readonly #byStem = new Map<string, string | null>()

  constructor(base: string, images: readonly string[]) {
    this.#base = base
    for (const image of images) {
      const key = keyIn(base, image)
      const its = this.#byKey.get(key)
      if (its === undefined) this.#byKey.set(key, [image])
      else its.push(image)
    }
    for (const key of this.#byKey.keys()) {
      const stem = basename(key)
      // Two folders with one base name: that name alone means neither.
      this.#byStem.set(stem, this.#byStem.has(stem) ? null : key)
    }
  }

  key(image: string): string {
    return keyIn(this.#base, image)
  }

  /** The base name without its extension, where no image in another folder has the same. */
  uniqueStem(image: string): string | null {
    const stem = basename(this.key(image))
    return this.#byStem.get(stem) === this.key(image) ? stem : null
  }

  /** The images that an id means: by its path below the image folder, else by its unique base name. */
  find(id: string): readonly string[] {
    const byPath = this.#byKey.get(id)
    if (byPath !== undefined) return byPath
    const key = this.#byStem.get(basename(id))
    return key === undefined || key === null ? [] : (this.#byKey.get(key) ?? [])
  }

  rivals(image: string): readonly string[] {
    const its = this.#byKey.get(this.key(image)) ?? []
    return its.length > 1 ? its : []
  }
}

/** A path below `base` without its extension, NFC: what lists, label files and masks call an image. */
export function keyIn(base: string, path: string): string {
  const relative =
    base === '' ? path : path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path
  const extension = extname(relative)
  return (extension === '' ? relative : relative.slice(0, -extension.length)).normalize('NFC')
}
