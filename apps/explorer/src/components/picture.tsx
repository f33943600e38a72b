import { useEffect, useRef, useState } from 'preact/hooks'
import { lakeKey } from '../lake-key.ts'
import { openPicture } from '../picture-source.ts'

/** How far outside of the window a picture is fetched already, as browsers do by themselves for lazy ones. */
const ahead = '400px'

interface PictureProps {
  readonly path: string
  readonly alt: string
  readonly isLazy?: boolean
  readonly onLoad?:
    | ((size: { readonly width: number; readonly height: number }) => void)
    | undefined
  readonly onError: () => void
}

/** A picture of the lake, with the key where it asks for one. */
export function Picture({ path, alt, isLazy = false, onLoad, onError }: PictureProps) {
  const element = useRef<HTMLImageElement>(null)
  const [source, setSource] = useState(lakeKey() === undefined ? path : undefined)

  useEffect(() => {
    if (lakeKey() === undefined) return setSource(path)
    const ending = new AbortController()
    const open = async () => {
      try {
        const { url, release } = await openPicture(path, ending.signal)
        if (ending.signal.aborted) return release()
        ending.signal.addEventListener('abort', release)
        setSource(url)
      } catch {
        if (!ending.signal.aborted) onError()
      }
    }
    if (!isLazy) {
      void open()
      return () => ending.abort()
    }
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return
        observer.disconnect()
        void open()
      },
      { rootMargin: ahead },
    )
    observer.observe(element.current as HTMLImageElement)
    return () => {
      observer.disconnect()
      ending.abort()
    }
  }, [path, isLazy])

  return (
    <img
      ref={element}
      {...(source === undefined ? {} : { src: source })}
      alt={alt}
      {...(isLazy ? { loading: 'lazy' as const } : {})}
      decoding="async"
      onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) =>
        onLoad?.({ width, height })
      }
      onError={onError}
    />
  )
}
