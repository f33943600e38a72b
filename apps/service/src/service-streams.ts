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
} as const satisfies Record<string, StreamRoute>

/** The name of a stream that the service has. */
export type ServiceStream = keyof typeof serviceStreams
