import { describe, expect, it } from 'vitest'
import * as formats from './index.ts'
import * as voc from './voc/index.ts'

describe('public surface', () => {
  it('of the package', () => {
    expect(Object.keys(formats).sort()).toEqual(['findingCodes', 'runImport'])
  })

  it('of ./voc', () => {
    expect(Object.keys(voc).sort()).toEqual([
      'clipBox',
      'openVoc',
      'parseLabelFile',
      'toBox',
      'toCorners',
      'vocClasses',
    ])
  })
})
