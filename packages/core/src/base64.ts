/** How many bytes a text stands for, if it is base64. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return (text.length / 4) * 3 - padding
}

/**
 * The bytes of standard base64 with padding; undefined for anything else. The reference drops foreign characters
 * silently, which corrupts. Node only.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  // Node passes over what is no base64, so that too little comes of it; what else it takes is looked for. That is five
  // times as quick as an expression that looks at every character.
  const bytes = Buffer.from(text, 'base64')
  const isAscii = Buffer.byteLength(text) === text.length
  const isOther = text.includes('-') || text.includes('_')
  return bytes.byteLength === base64Bytes(text) && isAscii && !isOther ? bytes : undefined
}
