import { freePort, startServer } from './child-server.ts'
import { type GoProgram, goProgramWays } from './go-program.ts'
import type { Provision } from './rung.ts'

const source = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c'
const minio: GoProgram = { name: 'minio', source }
const credentials = { user: 'mindtrace-test', password: 'mindtrace-test-secret' }

/** An S3 store. Tests take the credentials from the usual variables; those of a store of ours are set here. */
export const minioServer: Provision = {
  name: 'MinIO',
  variable: 'MINDTRACE_TEST_S3_ENDPOINT',
  rungs: goProgramWays.map((way) => async () => {
    const found = await way(minio)
    if (found === undefined) return undefined
    const { url, stop } = await started(found.program)
    return { value: url, how: `started, ${found.how}`, stop }
  }),
  without: `tests on S3 are left out: needs minio on PATH, or go (${source}), or MINDTRACE_TEST_S3_ENDPOINT with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
}

async function started(program: string) {
  const consolePort = await freePort()
  const server = await startServer({
    name: 'minio',
    program,
    args: ({ folder, port }) => [
      ...['server', folder, '--quiet', '--address', `127.0.0.1:${port}`],
      ...['--console-address', `127.0.0.1:${consolePort}`],
    ],
    env: { MINIO_ROOT_USER: credentials.user, MINIO_ROOT_PASSWORD: credentials.password },
    readyPath: '/minio/health/live',
  })
  process.env.AWS_ACCESS_KEY_ID = credentials.user
  process.env.AWS_SECRET_ACCESS_KEY = credentials.password
  // What a developer has for other stores would win over these, or be asked for.
  process.env.AWS_EC2_METADATA_DISABLED = 'true'
  for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE']) delete process.env[name]
  return server
}
