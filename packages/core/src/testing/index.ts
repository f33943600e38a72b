export { FaultyHttpProxy, type InsteadAnswer } from './faulty-http-proxy.ts'
export { type Endpoint, type Fault, FaultyProxy } from './faulty-proxy.ts'
export { fixedClock } from './fixed-clock.ts'
export { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'
