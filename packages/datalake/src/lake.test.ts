import { describeLake } from './testing/describe-lake.ts'
import { openFolderLake, openMemoryLake } from './testing/local-lakes.ts'

describeLake('in memory', { open: openMemoryLake })
describeLake('in a folder', { open: openFolderLake })
