import { lakeKey } from './lake-key.ts'

/** Where a browser can show a picture from, until it is let go of. */
export interface PictureSource {
  readonly url: string
  release(): void
}

/**
 * The source of a picture at a path of the service. A lake with keys asks for one here too, and an image element can send
 * none: then it is fetched, and shown out of this page's memory.
 *
 * @throws when the service does not give it.
 */
export async function openPicture(path: string, signal?: AbortSignal): Promise<PictureSource> {
  const key = lakeKey()
  if (key === undefined) return { url: path, release: () => {} }
  const response = await fetch(path, {
    headers: { authorization: `Bearer ${key}` },
    ...(signal === undefined ? {} : { signal }),
  })
  if (!response.ok) throw new Error(`the picture was answered with ${response.status}`)
  const url = URL.createObjectURL(await response.blob())
  return { url, release: () => URL.revokeObjectURL(url) }
}
