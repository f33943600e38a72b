import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DockerfileParser } from 'dockerfile-ast'
import { freePort } from '../servers/child-server.ts'

/*
 * `node tests/docker/try-image.ts`: what the image's build runs, in a clean clone of HEAD, and then its entry point, health
 * check and first key as its user, where no Docker engine is. The base images are not tried: the Node is this one. As root, or
 * the user is this one as well.
 */

const repository = fileURLToPath(new URL('../../', import.meta.url))
const user = 65_532
/** Of the base image without Node, as published. */
const baseMb = 24
const limitMb = 250

const folder = mkdtempSync(join(tmpdir(), 'mindtrace-image-'))
chmodSync(folder, 0o755)
const at = {
  '/tmp': join(folder, 'tmp'),
  '/src': join(folder, 'src'),
  '/app': join(folder, 'app'),
  '/empty': join(folder, 'empty'),
  '/data': join(folder, 'data'),
} as const
try {
  await tryImage()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function tryImage(): Promise<void> {
  const dockerfile = DockerfileParser.parse(
    readFileSync(join(repository, 'docker', 'Dockerfile'), 'utf8'),
  )
  const instructions = dockerfile.getInstructions()
  const of = (keyword: string) =>
    instructions
      .filter((one) => one.getKeyword() === keyword)
      .map((one) => one.getArgumentsContent() ?? '')

  execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${repository}`, at['/src']])
  for (const command of of('RUN')) {
    process.stdout.write(`RUN ${command}\n`)
    execFileSync('sh', ['-c', moved(command)], { cwd: at['/src'], stdio: 'inherit' })
  }

  const appMb = Number(execFileSync('du', ['-sm', at['/app']], { encoding: 'utf8' }).split('\t')[0])
  const nodeMb = Math.round(statSync(process.execPath).size / 2 ** 20)
  const sizeMb = appMb + nodeMb + baseMb
  process.stdout.write(`app ${appMb} MB + node ${nodeMb} MB + base ${baseMb} MB = ${sizeMb} MB\n`)
  if (sizeMb >= limitMb) throw new Error(`the image would have ${sizeMb} MB, more than ${limitMb}`)

  const port = await freePort()
  for (const path of [at['/data'], at['/tmp']]) {
    mkdirSync(path)
    if (process.getuid?.() === 0) chownSync(path, user, user)
  }
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', TMPDIR: at['/tmp'] }
  for (const pair of of('ENV').flatMap((line) => line.split(/\s+/))) {
    const [name = '', value = ''] = pair.split('=')
    env[name] = moved(value)
  }
  env.MINDTRACE_PORT = String(port)
  const entryPoint = jsonOf(of('ENTRYPOINT')[0])
  const run = (args: readonly string[]) => {
    const [, ...rest] = [...entryPoint, ...args].map(moved)
    const child = spawn(process.execPath, rest, {
      cwd: '/',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(process.getuid?.() === 0 ? { uid: user, gid: user } : {}),
    })
    const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    return {
      child,
      ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })),
    }
  }

  const serve = jsonOf(of('CMD')[0])
  const refused = await run(serve).ended
  expectThat(
    refused.code === 1 && refused.stderr.includes('keys create'),
    `without a key it ended with ${refused.code}: ${refused.stderr}`,
  )
  const made = await run(['keys', 'create', '--name', 'me', '--role', 'admin']).ended
  expectThat(made.code === 0, made.stderr)
  const key = made.stdout.trim()

  const service = run(serve)
  const address = `http://127.0.0.1:${port}`
  for (let look = 0; !(await healthy(of('HEALTHCHECK')[0] ?? '', port)); look += 1) {
    expectThat(service.child.exitCode === null && look < 100, 'it does not become healthy')
    await wait(100)
  }
  const ask = (headers: Record<string, string>) =>
    fetch(`${address}/collections.create`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"name":"tried"}',
    }).then(({ status }) => status)
  expectThat((await ask({})) === 401, 'it asks nobody for a key')
  expectThat((await ask({ 'x-api-key': key })) === 200, 'it does not take its own key')
  service.child.kill('SIGTERM')
  const { code, stderr } = await service.ended
  expectThat(code === 0, `it ended with ${code}: ${stderr}`)
  const own = [
    '-uid',
    String(user),
    '-not',
    '-path',
    `${at['/data']}*`,
    '-not',
    '-path',
    `${at['/tmp']}*`,
  ]
  const strewn = execFileSync('find', [folder, ...own], { encoding: 'utf8' })
  if (process.getuid?.() === 0) expectThat(strewn === '', `it wrote ${strewn}`)
  process.stdout.write('the image does what it should\n')
}

/** Paths of the image, where they lie here. */
function moved(command: string): string {
  return Object.entries(at).reduce(
    (text, [path, here]) => text.replace(new RegExp(`(?<![\\w.])${path}(?![\\w-])`, 'g'), here),
    command,
  )
}

/** Runs the health check as it stands in the Dockerfile. */
async function healthy(check: string, port: number): Promise<boolean> {
  const [, ...args] = jsonOf(check.slice(check.indexOf('[')))
  const child = spawn(
    process.execPath,
    args.map((arg) => arg.replace('8080', String(port))),
  )
  const [code] = await once(child, 'close')
  return code === 0
}

function jsonOf(text: string | undefined): string[] {
  return JSON.parse(text ?? '[]') as string[]
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
