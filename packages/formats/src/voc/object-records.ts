import type { IngestRecord } from '@mindtrace/contract'
import type { Finding, FindingCode } from '../finding.ts'
import { flagNames, type LabelObject } from './label-file.ts'
import {
  type Box,
  type BoxConvention,
  type Corners,
  clipBox,
  type ImageSize,
  toBox,
} from './voc-box.ts'
import { recordOf } from './voc-records.ts'
import type { VocSchemas } from './voc-schemas.ts'

export interface ObjectContext {
  /** The label file, for findings. */
  readonly path: string
  /** What boxes are clipped to. */
  readonly image: ImageSize
  readonly convention: BoxConvention
  readonly schemas: VocSchemas
}

/** Turns the objects of one label file into records and says what it had to change. */
export class ObjectReader {
  readonly #context: ObjectContext
  readonly #findings: Finding[]

  constructor(context: ObjectContext, findings: Finding[]) {
    this.#context = context
    this.#findings = findings
  }

  records(objects: readonly LabelObject[]): IngestRecord[] {
    const records: IngestRecord[] = []
    for (const [index, object] of objects.entries()) {
      if (object.name === '') {
        this.#note('object_unnamed', index, 'left out: the object has no name')
        continue
      }
      const box = this.#box(object.corners, index, object.name)
      if (box === null) continue
      records.push(
        recordOf(this.#context.schemas, {
          kind: 'bbox',
          label: object.name,
          geometry: { type: 'bbox', ...box },
          attributes: this.#attributes(object, index),
        }),
      )
    }
    return records
  }

  #box(corners: Corners | null, index: number, what: string): Box | null {
    if (corners === null) {
      this.#note('box_missing', index, `left out: ${what} has no bndbox`)
      return null
    }
    const { convention } = this.#context
    const box = toBox(corners, convention)
    if (convention === 'voc' && Object.values(corners).some(Number.isNaN)) {
      this.#note('box_invalid', index, `left out: the box of ${what} is no four numbers`, corners)
      return null
    }
    const clipped = clipBox(box, this.#context.image)
    if (clipped.outcome === 'inside') return box
    if (convention === 'reference') {
      this.#note(
        'box_kept_outside',
        index,
        `the box of ${what} is kept as the reference has it`,
        box,
      )
      return box
    }
    if (clipped.outcome === 'clipped') {
      this.#note(
        'box_clipped',
        index,
        `the box of ${what} sticks out of the image`,
        box,
        clipped.box,
      )
      return clipped.box
    }
    const code = clipped.outcome === 'empty' ? 'box_empty' : 'box_outside'
    const reason = clipped.outcome === 'empty' ? 'has no area' : 'lies outside the image'
    this.#note(code, index, `left out: the box of ${what} ${reason}`, box)
    return null
  }

  #attributes(object: LabelObject, index: number): Record<string, unknown> {
    const attributes: Record<string, unknown> = { ...object.rest }
    for (const name of flagNames) attributes[name] = this.#flag(name, object.flags[name], index)
    attributes.pose = object.pose ?? 'Unspecified'
    const parts = []
    for (const part of object.parts) {
      const box = this.#box(part.corners, index, `part "${part.name}" of ${object.name}`)
      if (box !== null) parts.push({ name: part.name, ...box })
    }
    if (parts.length > 0) attributes.parts = parts
    return attributes
  }

  #flag(name: string, text: string | undefined, index: number): 0 | 1 {
    if (text === undefined || text === '' || text === '0') return 0
    if (text === '1') return 1
    const value = /^(true|yes)$/i.test(text) || Number(text) > 0 ? 1 : 0
    if (!/^(true|false|yes|no)$/i.test(text)) {
      this.#note('flag_invalid', index, `${name} is neither 0 nor 1`, text, value)
    }
    return value
  }

  #note(
    code: FindingCode,
    object: number,
    message: string,
    before?: unknown,
    after?: unknown,
  ): void {
    this.#findings.push({
      level: code === 'box_kept_outside' ? 'info' : 'warning',
      code,
      path: this.#context.path,
      message,
      object,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })
  }
}
