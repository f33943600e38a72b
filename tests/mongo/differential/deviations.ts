import type { Answer, Json } from '../../golden/like-the-reference.ts'
import type { Call } from './random-call.ts'

/** Where we answer otherwise on purpose. */
export interface Deviation {
  readonly why: string
  /** `wrong` says what differs, a line each. */
  readonly applies: (call: Call, theirs: Answer, ours: Answer, wrong: readonly string[]) => boolean
}

const isUpdate = ({ task }: Call) => /\.update(_metadata)?$/.test(task)
const refused = ({ status }: Answer) => status >= 400 && status < 500

/** Texts and numbers that a JSON value of ours can't hold, or that no database keeps. */
const unholdable = /raw:|\\u0000|\\ud800/

export const deviations: readonly Deviation[] = [
  {
    why: 'numbers beyond 2^53, NaN, infinities and half characters are refused: no answer could give them back',
    applies: (call, _theirs, ours) =>
      refused(ours) && unholdable.test(JSON.stringify(call.request)),
  },
  {
    why: 'decision 3: filters are of a closed grammar',
    applies: (call, _theirs, ours) =>
      ours.status === 400 &&
      (call.outsideGrammar === true || call.wrong?.path.startsWith('filters') === true),
  },
  {
    why: 'service-wire.md 19, row 10: what is no base64 is refused',
    applies: (_call, theirs, ours) =>
      theirs.status !== 400 && ours.status === 400 && detailOf(ours).includes('is no base64'),
  },
  {
    why: 'a version that is no version is refused, the empty text too',
    applies: (call, _theirs, ours) =>
      call.task.startsWith('objects.') &&
      [400, 409].includes(ours.status) &&
      /version \\?"\\?" is none/.test(detailOf(ours)),
  },
  {
    why: 'service-wire.md 19, row 11: objects.head of a name that nothing can have is {} or refused',
    applies: (call, theirs, ours) =>
      call.task === 'objects.head' &&
      ((theirs.status === 500 && ours.status === 200) ||
        (theirs.status === 200 && /segment of \d+ bytes/.test(detailOf(ours)))),
  },
  {
    why: 'a copy keeps what is said of the object',
    applies: (call, _theirs, _ours, wrong) =>
      call.task === 'objects.head' &&
      wrong.every((line) => /\.metadata(\.[\d.]+)?\.metadata\..*: is not the/.test(line)),
  },
  {
    why: 'what was uploaded past the lake has a hash as well',
    applies: (call, _theirs, _ours, wrong) =>
      call.task === 'objects.head' && wrong.every((line) => /\.hash: is not the/.test(line)),
  },
  {
    why: 'registry.md 5: a mount without versions has one of each object, whichever is asked for',
    applies: ({ task, request }, theirs, ours) =>
      task === 'objects.head' &&
      theirs.status === 200 &&
      ours.status === 200 &&
      JSON.stringify(request).includes('"mount":"plain"'),
  },
  {
    why: 'service-wire.md 19: a page that ends on a null key loses no rows after it',
    applies: ({ task, request }, theirs, ours) =>
      task === 'datums.list_page' &&
      theirs.status === 200 &&
      ours.status === 200 &&
      endsOnNull((request as { readonly cursor?: Json }).cursor),
  },
  {
    why: 'datalake-model.md 11.5: a name that no object can have is refused before its bytes travel',
    applies: ({ task }, theirs, ours) =>
      task === 'objects.upload_session.create' && theirs.status === 200 && ours.status === 400,
  },
  {
    why: 'an empty text is the name of no mount',
    applies: (_call, theirs, ours) =>
      theirs.status === 200 && ours.status === 404 && detailOf(ours).startsWith("no mount ''"),
  },
  {
    why: 'a version is checked also where an asset names what no object can be called',
    applies: (call, theirs, ours) =>
      call.task === 'dataset_versions.verify_integrity' &&
      theirs.status === 500 &&
      ours.status === 200,
  },
  {
    why: 'version-0.16.md: a payload that is not there is 409, on a local mount too',
    applies: (call, theirs, ours) =>
      call.task === 'assets.download_url' && theirs.status === 200 && ours.status === 409,
  },
  {
    why: 'what no header can hold is refused, before it would be signed',
    applies: (call, theirs, ours) =>
      call.task === 'assets.download_url' &&
      theirs.status === 200 &&
      ours.status === 400 &&
      detailOf(ours).startsWith('response_content_'),
  },
  {
    why: 'datalake-model.md 8.6: an operand of the wrong type is refused, whatever the rows hold',
    applies: (call, theirs, ours) =>
      call.task === 'dataset_versions.view_page' &&
      theirs.status === 200 &&
      ours.status === 400 &&
      detailOf(ours).startsWith("filter '"),
  },
  {
    why: 'decision 4: an asset is in a collection once',
    applies: (call, theirs, ours) =>
      call.task.startsWith('collection_items.') && theirs.status === 200 && ours.status === 409,
  },
  {
    why: 'datalake-model.md 6.2: a dataset version has a name and a version',
    applies: (call, _theirs, ours) =>
      call.task === 'dataset_versions.create' &&
      ours.status === 400 &&
      / must not be blank or hold control characters/.test(detailOf(ours)),
  },
  {
    why: 'datalake-model.md 6.6: two labels of one name or one id could not be told apart',
    applies: (call, _theirs, ours) =>
      call.task.startsWith('annotation_schemas.') &&
      ours.status === 400 &&
      detailOf(ours).startsWith('two labels have'),
  },
  {
    why: 'service-wire.md 2: scalars of another type are not converted, Python clients do that before they send',
    applies: (call, _theirs, ours) =>
      ours.status === 422 && isConvertible(call.wrong?.value) && namesPath(call, ours),
  },
  {
    why: 'service-wire.md 19, row 3: changes are checked before they are written',
    applies: (call, theirs, ours) => isUpdate(call) && theirs.status !== 422 && refused(ours),
  },
]

function detailOf({ body }: Answer): string {
  const detail = (body as { readonly detail?: Json } | null)?.detail
  return typeof detail === 'string' ? detail : JSON.stringify(detail)
}

function endsOnNull(cursor: Json | undefined): boolean {
  if (typeof cursor !== 'string') return false
  const { last_key } = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  return last_key.split === null
}

/** Whether an answer blames just the value that was replaced. */
function namesPath({ wrong }: Call, { body }: Answer): boolean {
  const { detail } = body as { readonly detail?: readonly { readonly loc: readonly Json[] }[] }
  const places = (detail ?? []).map(({ loc }) => loc.slice(1).join('.'))
  return places.length === 1 && places[0] === wrong?.path
}

function isConvertible(value: Json | undefined): boolean {
  return (
    typeof value === 'boolean' ||
    typeof value === 'number' ||
    (typeof value === 'string' && (value.startsWith('raw:') || /^(\d+(\.\d+)?|true)$/.test(value)))
  )
}
