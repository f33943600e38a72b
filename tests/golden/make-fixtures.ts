/*
 * Makes the fixtures of the golden tests from what the Python reference was recorded to say:
 *
 *   node tests/golden/make-fixtures.ts FOLDER
 *
 * FOLDER holds `golden/` and `spec/`. The fixtures are committed; this is run again when those change.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Exchange {
  readonly n: number
  readonly service: string
  readonly task: string | null
  /** Of a plain HTTP request. */
  readonly http?: unknown
  readonly request?: unknown
  readonly status: number
  readonly headers: { readonly allow?: string }
  readonly response: unknown
  readonly note?: string
}

interface SpecError {
  readonly status?: number
  readonly recommended_status?: number
}

interface SpecTask {
  readonly task: string
  readonly input: string | null
  readonly output: string | null
  readonly mcp_tool: boolean
  readonly explicit_errors: readonly SpecError[]
  readonly unmapped_errors: readonly SpecError[]
}

interface SpecField {
  readonly required: boolean
  readonly default?: unknown
  readonly default_is_factory?: boolean
  readonly constraints?: Readonly<Record<string, unknown>>
  readonly schema: unknown
  readonly never_emitted?: boolean
  readonly emits_name_service?: string
}

interface SpecModel {
  readonly kind: string
  readonly values?: readonly unknown[]
  readonly schema?: unknown
  readonly fields?: Readonly<Record<string, SpecField>>
}

interface Spec {
  readonly tasks: readonly SpecTask[]
  readonly models: Readonly<Record<string, SpecModel>>
}

/** All exchanges; of failures that the reference did not map, the statuses that the specification recommends. */
async function makeStory(folder: string, spec: Spec): Promise<void> {
  const text = await readFile(join(folder, 'golden/wire/story.jsonl'), 'utf8')
  const exchanges = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange)
  const lines = exchanges.map(
    ({ n, service, task, http, request, status, headers, response, note }) => {
      const entry = spec.tasks.find((one) => one.task === task)
      const isUnmapped = status === 500 && entry !== undefined
      const wanted = isUnmapped ? wantedStatuses(entry) : undefined
      const answer = isUnmapped ? undefined : response
      const { allow } = headers
      return JSON.stringify({
        n,
        service,
        task,
        http,
        request,
        status,
        allow,
        response: answer,
        note,
        wanted,
      })
    },
  )
  await writeFile('tests/fixtures/golden-story.jsonl', `${lines.join('\n')}\n`)
}

async function makeContract({ tasks, models }: Spec): Promise<void> {
  const compact = {
    tasks: tasks.map(({ task, input, output, mcp_tool }) => [task, input, output, mcp_tool]),
    models: Object.fromEntries(
      Object.entries(models).map(([name, { kind, values, schema, fields }]) => [
        name,
        fields === undefined
          ? { kind, values, schema }
          : {
              kind,
              fields: Object.fromEntries(
                Object.entries(fields)
                  .filter(([, field]) => field.never_emitted !== true)
                  .map(([field, { schema: type, required, constraints, ...rest }]) => [
                    rest.emits_name_service ?? field,
                    {
                      schema: type,
                      required,
                      ...('default' in rest ? { default: rest.default } : {}),
                      ...(constraints === undefined ? {} : { constraints }),
                    },
                  ]),
              ),
            },
      ]),
    ),
  }
  const folder = 'packages/contract/src/fixtures'
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'service-tasks.json'), `${JSON.stringify(compact)}\n`)
}

/** Where the reference answers 500: the statuses that the specification recommends for each task. */
async function makeStatuses({ tasks }: Spec): Promise<void> {
  const entries = tasks.map((entry) => [entry.task, wantedStatuses(entry)] as const)
  await writeFile(
    'tests/fixtures/golden-statuses.json',
    `${JSON.stringify(Object.fromEntries(entries))}\n`,
  )
}

function wantedStatuses({ explicit_errors, unmapped_errors }: SpecTask): number[] {
  const all = [...explicit_errors, ...unmapped_errors]
  return [
    ...new Set(all.flatMap(({ status, recommended_status }) => status ?? recommended_status ?? [])),
  ]
}

interface McpExchange {
  readonly note: string
  readonly request: unknown
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }
}

/** The tools, and the session with its bodies read: a list of tools is there already. */
async function makeMcp(folder: string): Promise<void> {
  const read = async (name: string) =>
    JSON.parse(await readFile(join(folder, 'golden', name), 'utf8')) as unknown
  const exchanges = (await read('mcp-exchange.json')) as readonly McpExchange[]
  const message = (body: string): unknown => {
    const text = /^data: (.*)$/m.exec(body)?.[1] ?? body
    if (text.trim() === '') return null
    return JSON.parse(text, (key, value: unknown) => (key === 'tools' ? [] : value))
  }
  const fixture = {
    tools: await read('mcp-tools.json'),
    exchanges: exchanges.map(({ note, request, response: { status, headers, body } }) => ({
      note,
      request,
      response: { status, headers, message: message(body) },
    })),
  }
  await writeFile('tests/fixtures/golden-mcp.json', `${JSON.stringify(fixture)}\n`)
}

/** The OpenAPI document, without white space. */
async function makeOpenApi(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'golden/openapi.json'), 'utf8')
  await writeFile('tests/fixtures/golden-openapi.json', `${JSON.stringify(JSON.parse(text))}\n`)
}

/** The documents of the three lakes, a line each, and their indexes, which are the same in all three. */
async function makeMongo(folder: string): Promise<void> {
  const lines: string[] = []
  for (const lake of ['a', 'b', 'c']) {
    const source = join(folder, 'golden/mongo', lake)
    for (const name of (await readdir(source)).toSorted()) {
      if (!name.startsWith('datalake_')) continue
      const documents = JSON.parse(await readFile(join(source, name), 'utf8')) as readonly unknown[]
      const collection = name.replace('.json', '')
      for (const document of documents) lines.push(JSON.stringify({ lake, collection, document }))
    }
  }
  const indexes = await readFile(join(folder, 'golden/mongo/a/indexes.json'), 'utf8')
  const target = 'packages/datalake/src/fixtures'
  await mkdir(target, { recursive: true })
  await writeFile(join(target, 'golden-documents.jsonl'), `${lines.join('\n')}\n`)
  await writeFile(join(target, 'golden-indexes.json'), `${JSON.stringify(JSON.parse(indexes))}\n`)
}

const folder = process.argv[2] ?? ''
const spec = JSON.parse(await readFile(join(folder, 'spec/service-tasks.json'), 'utf8')) as Spec
await makeStory(folder, spec)
await makeContract(spec)
await makeStatuses(spec)
await makeMcp(folder)
await makeOpenApi(folder)
await makeMongo(folder)
