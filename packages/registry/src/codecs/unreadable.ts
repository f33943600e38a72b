import { MindtraceError } from '@mindtrace/core'
import type { StoredObject } from '../registry.ts'
import { contentOf } from './materializers.ts'
import { formatObject } from './stored-files.ts'

/** The error for objects that need Python, or a library, to make sense of. Their files can always be read. */
export function unreadable(object: StoredObject): MindtraceError {
  const { className, materializer, files } = object
  const what = files.some((file) => file.endsWith('.pkl'))
    ? 'pickled Python code'
    : contentOf(materializer)
  const isPickled = what.includes('pickled')
  return new MindtraceError(
    'NOT_IMPLEMENTED',
    `'${formatObject(object)}' is a ${className}, stored by ${materializer}: ${what}${isPickled ? ', which is never run here' : ''}. Read its files as bytes: registry.openFile('${object.name}', '${files[0] ?? ''}')`,
    {
      details: {
        name: object.name,
        version: object.version,
        class: className,
        materializer,
        files,
      },
    },
  )
}
