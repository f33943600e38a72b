import { MindtraceError } from '@mindtrace/core'
import { SaxesParser } from 'saxes'

/** An element: its children, or its text (trimmed) when it has none. Attributes are not kept. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

const depthLimit = 64

/**
 * Parses XML strictly. A document type is skipped and its entities stay undefined, so none is ever
 * expanded and nothing is fetched.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` that says where the text is no XML.
 */
export function parseXml(text: string): XmlElement {
  const parser = new SaxesParser()
  const top = { name: '', text: '', children: [] as MutableElement[] }
  const open: MutableElement[] = [top]
  parser.on('opentag', (tag) => {
    if (open.length > depthLimit) throw new Error(`elements nested deeper than ${depthLimit}`)
    const element = { name: tag.name, text: '', children: [] }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  parser.on('closetag', () => {
    const element = open.pop()
    if (element !== undefined) element.text = element.text.trim()
  })
  const addText = (part: string) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += part
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  try {
    parser.write(text).close()
  } catch (cause) {
    const reason = (cause as Error).message
    throw new MindtraceError('INVALID_INPUT', `no well-formed XML: ${reason}`, { cause })
  }
  return top.children[0] as XmlElement
}

interface MutableElement {
  name: string
  text: string
  children: MutableElement[]
}

/**
 * The text of an XML file, by its byte order mark, else by the encoding that it declares, else UTF-8.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when the bytes do not fit the encoding.
 */
export function decodeXml(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  try {
    const decoder = encoding === 'utf-8' ? utf8 : new TextDecoder(encoding, { fatal: true })
    return decoder.decode(bytes)
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `the text is not ${encoding}`, { cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  if (bytes[0] !== 0x3c) return 'utf-8'
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(200, bytes.byteLength))
  const declared = /^<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(start.toString('latin1'))
  return declared?.[1]?.toLowerCase() ?? 'utf-8'
}
