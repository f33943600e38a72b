export { fixedClock } from './fixed-clock.ts'
export { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'
