export { aPutItem, someBytes, someStream } from './builders.ts'
export {
  type ChaosMount,
  chaosMount,
  type MountOperation,
  type PlannedFailure,
} from './chaos-mount.ts'
export { describeMount, type MountUnderTest } from './describe-mount.ts'
export { describeRegistry } from './describe-registry.ts'
