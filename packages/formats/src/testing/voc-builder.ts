import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface ObjectShape {
  readonly name?: string
  /** xmin, ymin, xmax, ymax as they stand in the file; null: no bndbox. */
  readonly box?:
    | readonly [number | string, number | string, number | string, number | string]
    | null
  /** Further XML inside `object`. */
  readonly more?: string
}

/** A label file as labelling tools write it. */
export function labelXml(
  parts: {
    readonly filename?: string
    readonly path?: string
    readonly size?: readonly [number, number] | null
    readonly objects?: readonly ObjectShape[]
  } = {},
): string {
  const { filename = 'a.jpg', path, size = [100, 80], objects = [{}] } = parts
  return [
    '<?xml version="1.0"?>',
    '<annotation>',
    `  <filename>${filename}</filename>`,
    path === undefined ? '' : `  <path>${path}</path>`,
    size === null
      ? ''
      : `  <size><width>${size[0]}</width><height>${size[1]}</height><depth>3</depth></size>`,
    ...objects.map(objectXml),
    '</annotation>',
  ].join('\n')
}

function objectXml({ name = 'gizmo', box = [11, 21, 30, 40], more = '' }: ObjectShape): string {
  return `  <object><name>${name}</name>${box === null ? '' : boxXml(box)}${more}</object>`
}

/** A `bndbox` element. */
export function boxXml(box: readonly (number | string)[]): string {
  const [xmin, ymin, xmax, ymax] = box
  return `<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>`
}

/** Writes files, given by their paths below `root`. */
export async function writeTree(
  root: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}
