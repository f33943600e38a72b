import { MindtraceError } from '@mindtrace/core'
import type { Corners, ImageSize } from './voc-box.ts'
import { decodeXml, parseXml, type XmlElement } from './xml-tree.ts'

/** Label files larger than this are refused: a real one has kilobytes. */
export const labelLimitBytes = 16 * 1024 * 1024

/** An `annotation` document, before any judgement. */
export interface LabelFile {
  /** The `filename` element, or null. */
  readonly filename: string | null
  /** The `path` element, or null. */
  readonly path: string | null
  /** The `size` element, or null when it holds no two positive numbers. */
  readonly size: ImageSize | null
  readonly objects: readonly LabelObject[]
}

export interface LabelObject {
  readonly name: string
  readonly corners: Corners | null
  readonly parts: readonly { readonly name: string; readonly corners: Corners | null }[]
  /** Text of `difficult`, `truncated`, `occluded`; absent ones are missing. */
  readonly flags: Readonly<Partial<Record<FlagName, string>>>
  readonly pose: string | null
  /** All other children, as plain JSON: scalars, `polygon`, `point`, `actions` and what else there is. */
  readonly rest: Readonly<Record<string, unknown>>
}

export const flagNames = ['difficult', 'truncated', 'occluded'] as const
type FlagName = (typeof flagNames)[number]

/** @throws {@link MindtraceError} `INVALID_INPUT` when these bytes are no VOC label file. */
export function parseLabelFile(bytes: Uint8Array): LabelFile {
  const root = parseXml(decodeXml(bytes))
  if (root.name !== 'annotation') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `the root element is "${root.name}" rather than "annotation"`,
    )
  }
  let filename: string | null = null
  let path: string | null = null
  let size: ImageSize | null = null
  const objects: LabelObject[] = []
  for (const child of root.children) {
    if (child.name === 'object') objects.push(objectOf(child))
    else if (child.name === 'filename') filename = child.text || null
    else if (child.name === 'path') path = child.text || null
    else if (child.name === 'size') size = sizeOf(child)
  }
  return { filename, path, size, objects }
}

function objectOf(element: XmlElement): LabelObject {
  let name = ''
  let corners: Corners | null = null
  let pose: string | null = null
  const parts: LabelObject['parts'][number][] = []
  const flags: Partial<Record<FlagName, string>> = {}
  const rest: XmlElement[] = []
  for (const child of element.children) {
    switch (child.name) {
      case 'name':
        name = child.text
        break
      case 'bndbox':
        corners = cornersOf(child)
        break
      case 'part':
        parts.push(partOf(child))
        break
      case 'pose':
        pose = child.text || null
        break
      case 'difficult':
      case 'truncated':
      case 'occluded':
        flags[child.name] = child.text
        break
      default:
        rest.push(child)
    }
  }
  return { name, corners, pose, parts, flags, rest: recordOf(rest) }
}

function partOf(element: XmlElement): LabelObject['parts'][number] {
  const box = element.children.find((child) => child.name === 'bndbox')
  return { name: childText(element, 'name'), corners: box === undefined ? null : cornersOf(box) }
}

function cornersOf(box: XmlElement): Corners {
  const corners = {
    xmin: Number.NaN,
    ymin: Number.NaN,
    xmax: Number.NaN,
    ymax: Number.NaN,
  }
  for (const child of box.children) {
    if (Object.hasOwn(corners, child.name)) {
      corners[child.name as keyof Corners] = numberOf(child.text)
    }
  }
  return corners
}

function sizeOf(element: XmlElement): ImageSize | null {
  const width = numberOf(childText(element, 'width'))
  const height = numberOf(childText(element, 'height'))
  return width > 0 && height > 0 ? { width, height } : null
}

function childText(element: XmlElement, name: string): string {
  return element.children.find((child) => child.name === name)?.text ?? ''
}

/** NaN for anything but a finite decimal number. */
function numberOf(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
    ? Number(text)
    : Number.NaN
}

/** Elements of one name become a list. */
function recordOf(elements: readonly XmlElement[]): Record<string, unknown> {
  const byName = new Map<string, unknown[]>()
  for (const element of elements) {
    const values = byName.get(element.name)
    if (values === undefined) byName.set(element.name, [jsonOf(element)])
    else values.push(jsonOf(element))
  }
  // fromEntries defines keys, so that an element named __proto__ stays an ordinary key.
  return Object.fromEntries(
    Array.from(byName, ([name, values]) => [name, values.length === 1 ? values[0] : values]),
  )
}

function jsonOf(element: XmlElement): unknown {
  if (element.children.length > 0) return recordOf(element.children)
  const value = numberOf(element.text)
  return String(value) === element.text ? value : element.text
}
