export { type AppOptions, createApp, type Limits } from './app.ts'
export type { ServerInfo } from './process-tasks.ts'
export { type RunningService, type StartOptions, startService } from './start-service.ts'
