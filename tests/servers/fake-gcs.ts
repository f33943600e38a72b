import { startServer } from './child-server.ts'
import { type GoProgram, goProgramWays } from './go-program.ts'
import type { Provision } from './rung.ts'

const source = 'github.com/fsouza/fake-gcs-server@v1.56.1'
const fakeGcs: GoProgram = { name: 'fake-gcs-server', source }

/** A GCS store. */
export const fakeGcsServer: Provision = {
  name: 'fake-gcs-server',
  variable: 'MINDTRACE_TEST_GCS_ENDPOINT',
  rungs: goProgramWays.map((way) => async () => {
    const found = await way(fakeGcs)
    if (found === undefined) return undefined
    const { url, stop } = await started(found.program)
    return { value: url, how: `started, ${found.how}`, stop }
  }),
  without: `tests on GCS are left out: needs fake-gcs-server on PATH, or go (${source}), or MINDTRACE_TEST_GCS_ENDPOINT`,
}

/**
 * Its `filesystem` backend takes no name that is a folder of another one, none of 255 bytes, and reads facts and bytes of an
 * object apart, so that a reader beside a writer gets those of two objects. Its `memory` backend does as the real store.
 */
function started(program: string) {
  return startServer({
    name: 'fake-gcs',
    program,
    args: ({ port }) => [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-backend', 'memory'],
      ...['-external-url', `http://127.0.0.1:${port}`, '-public-host', `127.0.0.1:${port}`],
      ...['-log-level', 'error'],
    ],
    readyPath: '/_internal/healthcheck',
  })
}
