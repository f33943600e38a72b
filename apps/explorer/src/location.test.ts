import { describe, expect, it } from 'vitest'
import { formatLocation, home, type Location, parseLocation } from './location.ts'

describe('the address of the page', () => {
  it.each<Location>([
    home,
    { ...home, dataset: 'parts' },
    { ...home, dataset: 'a/b ?#%', version: '1.0/x', split: 'train' },
    { ...home, dataset: 'ä', version: '2', hiddenLabels: ['a&b', 'c=d'], boxes: false },
    { ...home, dataset: 'parts', version: '1', datum: 'datum_1', split: 'val' },
  ])('reads what it wrote: %o', (location) => {
    expect(parseLocation(formatLocation(location))).toEqual(location)
  })

  it('shows the start for anything unknown', () => {
    for (const hash of ['', '#', '#/', '#/jobs/1', '#/datasets/', 'x']) {
      expect(parseLocation(hash)).toEqual(home)
    }
  })

  it('keeps a name that is not proper percent encoding', () => {
    expect(parseLocation('#/datasets/100%').dataset).toBe('100%')
  })

  it('writes short addresses', () => {
    expect(formatLocation({ ...home, dataset: 'parts', version: '1.0', split: 'train' })).toBe(
      '#/datasets/parts/1.0?split=train',
    )
  })
})
