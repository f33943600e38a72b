import { toInstant } from '@mindtrace/core'
import { z } from 'zod'
import { defineCollection } from '../collection.ts'

const Photo = z.object({
  photo_id: z.string(),
  title: z.string(),
  album: z.string(),
  number: z.number().int(),
  status: z.enum(['pending', 'claimed', 'done']).default('pending'),
  split: z.string().nullable().default(null),
  subject: z.object({ kind: z.string(), id: z.string() }).nullable().default(null),
  score: z.number().nullable().default(null),
  views: z.number().int().default(0),
  hidden: z.boolean().default(false),
  tags: z.array(z.string()).default([]),
  notes: z.array(z.string()).default([]),
  files: z.record(z.string(), z.string()).default({}),
  links: z.record(z.string(), z.string()).default({}),
  camera: z
    .object({ maker: z.string(), model: z.string().nullable().default(null) })
    .nullable()
    .default(null),
  metadata: z.record(z.string(), z.unknown()).default({}),
  claimed_by: z.string().nullable().default(null),
  lease_expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
  created_at: z.iso.datetime({ offset: true }),
})

/** The documents of the conformance suite: a field of every kind that the lake's collections have. */
export type Photo = z.infer<typeof Photo>

/** Their collection, with an index of every form and a counted path of every kind. */
export const Photos = defineCollection({
  name: 'test_photos',
  schema: Photo,
  key: 'photo_id',
  indexes: [
    { on: ['title'], unique: true, name: 'mt_title' },
    { on: ['album', 'number'], unique: true },
    { on: ['-created_at', '-photo_id'], name: 'created_at_-1_photo_id_-1' },
    { on: ['split', '-created_at', '-photo_id'] },
    { on: ['subject.kind', 'subject.id', '-created_at', '-photo_id'] },
    { on: ['status', 'lease_expires_at'] },
    { on: ['metadata.origin.asset_id', 'metadata.origin.lake_id'] },
    { each: 'tags' },
    { each: 'files.*' },
    { on: ['hidden'], only: 'mongo' },
  ],
  counted: ['status', 'split', 'hidden', 'views', 'camera.model', 'lease_expires_at'],
})

/** A second collection, whose index has the name of one of the first. */
export const Albums = defineCollection({
  name: 'test_albums',
  schema: z.object({ album_id: z.string(), title: z.string(), created_at: z.iso.datetime() }),
  key: 'album_id',
  indexes: [
    { on: ['title'], unique: true, name: 'mt_title' },
    { on: ['-created_at', '-album_id'], name: 'created_at_-1_photo_id_-1' },
  ],
})

/** The photo of that number: its key, title and time follow from it, the later the higher. */
export function aPhoto(
  number: number,
  fields: Partial<z.input<typeof Photo>> = {},
): z.input<typeof Photo> {
  return {
    photo_id: photoId(number),
    title: `Photo ${number}`,
    album: 'album_1',
    number,
    created_at: toInstant(new Date(Date.UTC(2026, 0, 1, 0, 0, number))),
    ...fields,
  }
}

/** The key of {@link aPhoto} of that number. */
export function photoId(number: number): string {
  return `photo_${number.toString(16).padStart(32, '0')}`
}
