import { describeLake, openMemoryLake } from '@mindtrace/datalake/testing'
import { behindService } from './lake-behind-service.ts'

describeLake('over HTTP', { open: behindService(openMemoryLake), wrongStreamsFailCalls: true })
