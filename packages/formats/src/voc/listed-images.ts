import { type ImageLists, type ListName, listNames } from './image-lists.ts'
import type { ImageNames } from './image-names.ts'

/** Lists with their ids resolved to images. */
export interface ListedImages {
  readonly listsByImage: ReadonlyMap<string, readonly ListName[]>
  readonly classesByImage: ReadonlyMap<string, readonly string[]>
  readonly missing: ReadonlyMap<string, readonly ListName[]>
  readonly classes: readonly string[]
}

/** Finds the images that lists mean; ids without one are `missing`. */
export function resolveLists(lists: ImageLists | null, images: ImageNames): ListedImages | null {
  if (lists === null) return null
  const listsByImage = new Map<string, readonly ListName[]>()
  const classesByImage = new Map<string, readonly string[]>()
  const missing = new Map<string, readonly ListName[]>()
  for (const [id, names] of lists.listsById) {
    const found = images.find(id)
    if (found.length === 0) missing.set(id, names)
    for (const image of found) {
      const before = listsByImage.get(image) ?? []
      listsByImage.set(
        image,
        before.length === 0
          ? names
          : listNames.filter((name) => before.includes(name) || names.includes(name)),
      )
    }
  }
  for (const [id, classes] of lists.classesById) {
    for (const image of images.find(id)) classesByImage.set(image, classes)
  }
  return { listsByImage, classesByImage, missing, classes: lists.classes }
}
