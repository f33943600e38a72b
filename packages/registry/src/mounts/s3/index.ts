export { openS3Mount } from './open-s3-mount.ts'
export { S3Mount, type S3MountOptions } from './s3-mount.ts'
