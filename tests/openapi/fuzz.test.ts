import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allTasks, type TaskName, taskPath } from '@mindtrace/contract'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { serve } from '@mindtrace/service'
import { expect, test } from 'vitest'

const schemathesis = process.env.MINDTRACE_TEST_SCHEMATHESIS

/** What every answer must keep to. Whether good requests succeed is not asked: most ids of the generator name nothing. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'missing_required_header',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
]

/** Operations that are left out, and why. */
const leftOut: Readonly<Record<string, string>> = {
  '/v1/events': 'has no end',
  '/v1/archives/assets': 'breaks off at an asset without bytes, and the generator registers such',
}

/** How media types that are no JSON are written. */
const hooks = `
import json
import schemathesis


@schemathesis.serializer(
    "application/vnd.mindtrace.ingest-frames", "application/offset+octet-stream"
)
def raw(ctx, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()
`

/**
 * Two of the methods that nothing has do for all of them: `openapi.test.ts` asks for 405 at every path.
 * 412 is what tus has for a header that is missing; the other statuses are those that count without this file.
 */
const settings = `
[phases.coverage]
unexpected-methods = ["TRACE", "QUERY"]

[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429, "5xx"]
missing_required_header.expected-statuses = [400, 401, 403, 406, 412, 415, 422]
`

/** The paths of tasks that are not built yet: their 501 is true, and an error of the server. */
async function unbuilt(address: string, key: string): Promise<string[]> {
  const paths: string[] = []
  for (const name of Object.keys(allTasks) as TaskName[]) {
    if (allTasks[name].needs === 'destructive') continue
    const response = await fetch(`${address}${taskPath(name)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: '[]',
    })
    await response.arrayBuffer()
    if (response.status === 501) paths.push(taskPath(name))
  }
  return paths
}

async function fuzz(phases: string, examples: number): Promise<{ code: unknown; said: string }> {
  await using folder = await temporaryFolder()
  await using lake = await openLake(join(folder.path, 'lake'), { create: true })
  const { api_key } = await lake.keys.create({ name: 'fuzz', role: 'admin' })
  await using service = await serve({ lake, port: 0, pidFolder: folder.path })
  const excluded = [...(await unbuilt(service.address, api_key)), ...Object.keys(leftOut)]
  await writeFile(join(folder.path, 'hooks.py'), hooks)
  await writeFile(join(folder.path, 'settings.toml'), settings)
  return await new Promise((resolve) => {
    execFile(
      schemathesis as string,
      [
        ...['--config-file', 'settings.toml'],
        'run',
        `${service.address}/openapi.json`,
        ...['--checks', checks.join(',')],
        ...['--phases', phases],
        ...['--max-examples', String(examples)],
        ...['--seed', '1', '--generation-deterministic', '--no-shrink', '--no-color'],
        ...['--continue-on-failure', '--request-timeout', '30'],
        ...['--header', `X-API-Key: ${api_key}`],
        ...excluded.flatMap((path) => ['--exclude-path', path]),
      ],
      {
        cwd: folder.path,
        env: {
          PATH: process.env.PATH,
          HOME: folder.path,
          PYTHONPATH: folder.path,
          PYTHONDONTWRITEBYTECODE: '1',
          SCHEMATHESIS_HOOKS: 'hooks',
        },
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    )
  })
}

test.skipIf(schemathesis === undefined).each([
  ['at the bounds of its schemas', 'examples,coverage', 1],
  ['of random data', 'fuzzing', Number(process.env.MINDTRACE_TEST_FUZZ ?? 2)],
])(
  'the service keeps to its document with requests %s (set MINDTRACE_TEST_SCHEMATHESIS)',
  { timeout: 1_800_000 },
  async (_what, phases, examples) => {
    const { code, said } = await fuzz(phases, examples)
    // Its summary says how many requests there were; its failures how to make them again.
    const from = Math.max(0, said.search(/=+ (?:ERRORS|FAILURES) =+/))
    expect(said).toMatch(/[1-9]\d{2,} generated/)
    expect(code, said.slice(from, from + 20_000)).toBe(0)
  },
)
