import { describe, expect, it } from 'vitest'
import { labelXml } from '../testing/voc-builder.ts'
import { parseLabelFile } from './label-file.ts'

const parse = (text: string) => parseLabelFile(Buffer.from(text))

describe('label files', () => {
  it('reads by name, whatever the order inside bndbox', () => {
    const file = parse(
      '<annotation><object><bndbox><ymax>4</ymax><xmin>1</xmin><xmax>3.5</xmax><ymin>2</ymin></bndbox><name> cat </name></object></annotation>',
    )
    expect(file.objects[0]).toMatchObject({
      name: 'cat',
      corners: { xmin: 1, ymin: 2, xmax: 3.5, ymax: 4 },
    })
    expect(file).toMatchObject({ filename: null, size: null })
  })

  it('keeps parts apart from the object, and all other children as JSON', () => {
    const more = `<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
      <id>7</id><code>007</code><polygon><x1>1</x1><y1>2</y1></polygon>
      <point><x>1</x></point><point><x>2</x></point><__proto__><x>1</x></__proto__>`
    const object = parse(labelXml({ objects: [{ name: 'person', more }] })).objects[0]
    expect(object?.name).toBe('person')
    expect(object?.parts).toEqual([
      { name: 'head', corners: { xmin: 1, ymin: 1, xmax: 2, ymax: 2 } },
    ])
    expect(JSON.parse(JSON.stringify(object?.rest))).toEqual(
      JSON.parse(
        '{"id":7,"code":"007","polygon":{"x1":1,"y1":2},"point":[{"x":1},{"x":2}],"__proto__":{"x":1}}',
      ),
    )
  })

  it.each([
    ['is cut short', '<annotation><object><name>a'],
    ['has a stray ampersand', '<annotation><filename>a & b</filename></annotation>'],
    ['is empty', ''],
    ['is no label file', '<project/>'],
    ['is no XML', 'P6 1 1'],
    ['is not in its encoding', Buffer.from('<annotation>\xff</annotation>', 'latin1')],
    ['declares an unknown encoding', '<?xml version="1.0" encoding="klingon"?><annotation/>'],
    ['is nested deeper than any label', '<annotation>'.repeat(100)],
  ])('refuses a file that %s', (_what, text) => {
    expect(() => parseLabelFile(Buffer.from(text as string))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    )
  })

  it('expands no entity, so a bomb is a broken file at once', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(20)}">`,
    )
    const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "x">${levels.join('')}]>
      <annotation><filename>&e30;</filename></annotation>`
    expect(() => parse(bomb)).toThrow(/undefined entity/)
    const external = `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation><filename>&e;</filename></annotation>`
    expect(() => parse(external)).toThrow(/undefined entity/)
    const unused = '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><annotation/>'
    expect(parse(unused).objects).toEqual([])
  })

  it('reads other encodings by their mark or declaration', () => {
    const text = labelXml({ objects: [{ name: 'Käfer' }] })
    const utf16 = Buffer.from(`\uFEFF${text.replace('?>', ' encoding="UTF-16"?>')}`, 'utf16le')
    expect(parseLabelFile(utf16).objects[0]?.name).toBe('Käfer')
    const latin1 = Buffer.from(text.replace('?>', ' encoding="ISO-8859-1"?>'), 'latin1')
    expect(parseLabelFile(latin1).objects[0]?.name).toBe('Käfer')
    expect(parseLabelFile(Buffer.from(`\uFEFF${text}`)).objects[0]?.name).toBe('Käfer')
  })
})
