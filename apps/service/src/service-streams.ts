import { type StreamRoute, streamRoutes } from '@mindtrace/contract'

/** The contract's streamed routes and those that only a service has. */
export const serviceStreams = {
  ...streamRoutes,
  thumbnail: {
    method: 'GET',
    path: '/v1/assets/{asset_id}/thumbnail',
    summary:
      "A small picture of an asset that is an image, `?width=` pixels wide (16 to 1024, default 320), in the payload's own orientation.",
  },
  download: {
    method: 'GET',
    path: '/v1/downloads/{token}',
    summary:
      'Streams the payload of an address that `downloads.sign` gave, to whoever has it, until it expires.',
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    summary:
      'What is done to the lake, as Server-Sent Events: `change` for each write, `missed` where some are left out. `?task=assets` (repeatable) chooses tasks, streams or families of tasks.',
  },
  beginUpload: {
    method: 'POST',
    path: '/v1/tus',
    summary:
      'Begins an upload by the tus protocol. `Upload-Metadata` names the object: `name` or `filename`, and as wanted `mount`, `version`, `on_conflict`, `filetype`, `sha256`, `metadata` (a JSON object).',
  },
  uploadOffset: {
    method: 'HEAD',
    path: '/v1/tus/{upload}',
    summary: 'How many bytes of an upload have arrived.',
  },
  abortUpload: {
    method: 'DELETE',
    path: '/v1/tus/{upload}',
    summary: 'Gives an upload up and removes what has arrived.',
  },
} as const satisfies Record<string, StreamRoute>

/** The name of a stream that the service has. */
export type ServiceStream = keyof typeof serviceStreams
