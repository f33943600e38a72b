import { z } from 'zod'
import { PageRequest } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'

export const DeleteByIdInput = z
  .object({
    id: z.string(),
  })
  .meta({ id: 'DeleteByIdInput' })
export type DeleteByIdInput = z.infer<typeof DeleteByIdInput>

export const GetByIdInput = z
  .object({
    id: z.string(),
  })
  .meta({ id: 'GetByIdInput' })
export type GetByIdInput = z.infer<typeof GetByIdInput>

export const ListInput = z
  .object({
    filters: nullable(jsonObject()),
  })
  .meta({ id: 'ListInput' })
export type ListInput = z.infer<typeof ListInput>

export const PageInput = PageRequest.extend({ filters: nullable(jsonObject()) }).meta({
  id: 'PageInput',
})
export type PageInput = z.infer<typeof PageInput>
