/** Extensions by media types; what is not here goes by the stored name. */
const extensions: Readonly<Record<string, string>> = {
  'application/json': '.json',
  'application/octet-stream': '.bin',
  'application/pdf': '.pdf',
  'application/x-npy': '.npy',
  'application/zip': '.zip',
  'audio/mpeg': '.mp3',
  'audio/wav': '.wav',
  'image/avif': '.avif',
  'image/bmp': '.bmp',
  'image/gif': '.gif',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/svg+xml': '.svg',
  'image/tiff': '.tif',
  'image/webp': '.webp',
  'text/csv': '.csv',
  'text/html': '.html',
  'text/plain': '.txt',
  'text/xml': '.xml',
  'video/mp4': '.mp4',
}

/** What a payload's file ends in: by its media type, else as its stored name does, else `.bin`. */
export function extensionOf(mediaType: string, name: string): string {
  const [type = ''] = mediaType.split(';')
  const known = type.trim().toLowerCase()
  const own = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0].toLowerCase()
  if (known === 'application/octet-stream') return own ?? '.bin'
  return (Object.hasOwn(extensions, known) ? extensions[known] : own) ?? '.bin'
}

/**
 * A name as one part of a path: letters, digits, `_`, `-`, `@` and inner dots stay, all else is percent-encoded, so that
 * two names never become one and none leaves its folder.
 */
export function safePart(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed())
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%40', '@')
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
  return encoded === '' ? '%' : encoded
}
