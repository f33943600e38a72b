import {
  type ErrorCode,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'

// @see errno(3)
const codes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NOT_FOUND', 'it does not exist'],
  ENOSPC: ['STORAGE_FULL', 'the disk is full; free space and repeat'],
  EDQUOT: ['STORAGE_FULL', 'the quota is used up; free space or raise it, and repeat'],
  EFBIG: ['TOO_LARGE', 'the file system takes no file of this size'],
  EROFS: ['READ_ONLY', 'the file system is mounted read-only'],
  EACCES: ['FORBIDDEN', 'this process may not; check the owner and mode of the folder'],
  EPERM: ['FORBIDDEN', 'this process may not; check the owner and mode of the folder'],
  ELOOP: ['FORBIDDEN', 'it is a symbolic link, which the mount does not follow'],
  ENXIO: ['FORBIDDEN', 'it is no regular file'],
  EISDIR: ['CONFLICT', 'a folder has that name'],
  ENOTDIR: ['CONFLICT', 'a file stands where a folder is needed'],
  ENAMETOOLONG: ['INVALID_INPUT', 'the name is too long for the file system'],
  EILSEQ: ['INVALID_INPUT', 'the file system refuses the name'],
  EMFILE: ['UNAVAILABLE', 'too many files are open; raise the limit (ulimit -n)'],
  ENFILE: ['UNAVAILABLE', 'too many files are open on this machine'],
  EIO: ['UNAVAILABLE', 'the disk reports an error; check it'],
  ESTALE: ['UNAVAILABLE', 'the network file system lost the file; repeat'],
  ETIMEDOUT: ['UNAVAILABLE', 'the network file system does not answer'],
}

/** A system error as ours, naming the path and the remedy. Anything else is given back as it is. */
export function localError(cause: unknown, action: string, path: string): unknown {
  const systemCode = systemErrorCode(cause)
  if (systemCode === undefined || isMindtraceError(cause) || !isSystemError(cause)) return cause
  const [code, text] = codes[systemCode] ?? ['UNAVAILABLE', errorMessage(cause)]
  return new MindtraceError(code, `cannot ${action} '${path}': ${text}`, {
    cause,
    details: { path, systemCode },
  })
}

function isSystemError(value: unknown): boolean {
  return value instanceof Error && 'syscall' in value
}
