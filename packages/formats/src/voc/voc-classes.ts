/** The 20 classes of the Pascal VOC challenges; a class's id is its place, from 1. */
export const vocClasses = [
  'aeroplane',
  'bicycle',
  'bird',
  'boat',
  'bottle',
  'bus',
  'car',
  'cat',
  'chair',
  'cow',
  'diningtable',
  'dog',
  'horse',
  'motorbike',
  'person',
  'pottedplant',
  'sheep',
  'sofa',
  'train',
  'tvmonitor',
] as const

const idByClass: ReadonlyMap<string, number> = new Map(
  vocClasses.map((name, index) => [name, index + 1]),
)

/** The id of a VOC class, or null. */
export function vocClassId(name: string): number | null {
  return idByClass.get(name) ?? null
}
