import { expect, it } from 'vitest'
import { ContentHash, inHashOrder } from './content-hash.ts'

// @see registry.md 8.2 and version-0.16.md
const vectors: readonly (readonly [Record<string, string>, string, string])[] = [
  [
    { 'data.txt': 'hello' },
    '9ac5ba36239b10fd9445385068783551b5fad55f09554a011761f81734a81dba',
    '71761546f8987e16329e4d3eb455d6c3e528088733dbb3eb8129135773ab0eac',
  ],
  [
    { 'data.json': '42' },
    '68a7a3180ad8eb0b7c333abcab4c23eac2c105a5a7a0f9950705cfe78752a512',
    '34f012af43e7eb56c2b6785d0ef1d4ecf786cc96ff96a609e82bf48a0c04152c',
  ],
  [
    {},
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ],
  [
    { 'a/b': '1', 'a-b': '2', 'a.b': '3', A: '4' },
    'c17dba92fe663204d099c59f72d8185714a62e131fa63f7d708c7e5999e99346',
    '60f33f9ede7380356a2e0f3e3d3a5eb1726b281b00ef7f0a2e27c170d8be816a',
  ],
  [
    { é: 'x', '😀': 'y', '～': 'z' },
    '692fcf54182ab11705cf2ed14ca49d3e625df620fccb02aeddcea93ebe029412',
    '31d8ef6eb1080e8706384ab5bd999cef57ed771f28c1f06431b80e906a617902',
  ],
]

it.each(vectors)('hashes %j as the reference does', (files, v1, v2) => {
  for (const [form, expected] of [
    ['v1', v1],
    ['v2', v2],
  ] as const) {
    const hash = new ContentHash(form)
    for (const path of inHashOrder(form, Object.keys(files))) {
      hash.beginFile(path)
      hash.update(new TextEncoder().encode(files[path]))
      hash.endFile()
    }
    expect(hash.digestHex()).toBe(expected)
  }
})
