import {
  describeAppendedUploads,
  describeUploads,
  inLakeOf,
  openFolderLake,
} from '@mindtrace/datalake/testing'
import { describe } from 'vitest'
import { behindService } from './lake-behind-service.ts'

const open = behindService(openFolderLake)

describe('uploads over HTTP', () => {
  describeUploads(inLakeOf({ open }))
  describeAppendedUploads(inLakeOf({ open }))
})
