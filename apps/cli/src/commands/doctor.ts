import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Lake } from '@mindtrace/contract'
import { errorMessage } from '@mindtrace/core'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { type Io, printable } from '../io.ts'
import {
  addLakeOptions,
  cacheOptions,
  isRemote,
  type LakeOptions,
  lakeOf,
} from '../lake-options.ts'
import { formatBytes, formatCount, writeJson } from '../report.ts'
import { version } from '../version.ts'

interface DoctorOptions extends LakeOptions, OutputOptions {
  readonly readData?: boolean
}

/** One thing that was looked at. */
interface Check {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly message: string
}

const lowDiskBytes = 1_000_000_000

/** `mindtrace doctor`: what is wrong here, and what to do. */
export const addDoctor: AddCommand = (program, { io, run }) => {
  const command = program
    .command('doctor')
    .description('look for what is wrong with this machine and the lake')
    .option('--read-data', 'also read every payload and compare its hash')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: DoctorOptions) => doctor(io, options)),
  )
}

async function doctor(io: Io, options: DoctorOptions): CommandResult {
  const checks: Check[] = [nodeCheck(), await picturesCheck()]
  if (!isRemote(options.lake)) {
    checks.push(await diskCheck(options.lake), ...(await cacheChecks(options)))
  }
  try {
    await using lake = await lakeOf(options, io, { create: false })
    checks.push({
      name: 'lake',
      state: 'ok',
      message: (await lake.summary(undefined, { signal: io.signal })).summary,
    })
    checks.push(...(await lakeChecks(lake, options, io.signal)))
  } catch (error) {
    io.signal.throwIfAborted()
    checks.push({ name: 'lake', state: 'failed', message: errorMessage(error) })
  }
  const ok = checks.every(({ state }) => state !== 'failed')
  if (options.json === true) await writeJson(io, { ok, version, checks }, 'line')
  else
    for (const { name, state, message } of checks)
      await io.stdout.write(`${state.padEnd(8)} ${name}: ${printable(message)}\n`)
  return ok ? exitCode.done : exitCode.failed
}

function nodeCheck(): Check {
  return {
    name: 'node',
    state: 'ok',
    message: `${process.version} on ${process.platform} ${process.arch}, mindtrace ${version}`,
  }
}

async function picturesCheck(): Promise<Check> {
  try {
    const { default: sharp } = await import('sharp')
    return { name: 'pictures', state: 'ok', message: `sharp with libvips ${sharp.versions.vips}` }
  } catch {
    return {
      name: 'pictures',
      state: 'warning',
      message: 'sharp is not installed: no thumbnails and no quickstart; npm install sharp',
    }
  }
}

async function diskCheck(address: string): Promise<Check> {
  for (const place of [resolve(address), resolve(address, '..')]) {
    try {
      const { bavail, bsize } = await statfs(place)
      const free = bavail * bsize
      const low = free < lowDiskBytes
      return {
        name: 'disk',
        state: low ? 'warning' : 'ok',
        message: `${formatBytes(free)} free at ${place}${low ? ': little for new payloads' : ''}`,
      }
    } catch {
      // The folder may not be there yet: its parent tells as well.
    }
  }
  return { name: 'disk', state: 'warning', message: `there is no folder ${resolve(address)}` }
}

/** Of a lake with mounts in object stores: whether their payloads are kept on this machine. */
async function cacheChecks(options: DoctorOptions): Promise<Check[]> {
  const { lakeCache } = await import('@mindtrace/datalake')
  const name = 'cache'
  try {
    const { cache, mounts } = await lakeCache(options.lake, {
      cache: cacheOptions(options),
      mounts: options.mount,
    })
    if (mounts.length === 0) return []
    const of = `payloads of ${mounts.join(', ')}`
    if (cache === undefined) {
      return [{ name, state: 'ok', message: `off: ${of} are fetched each time they are read` }]
    }
    const { folder, payloads, sizeBytes, maxBytes } = await cache.usage()
    const held = `${formatBytes(sizeBytes)} of at most ${formatBytes(maxBytes)}`
    const problem = cache.problem()
    if (problem === undefined) {
      return [
        { name, state: 'ok', message: `${formatCount(payloads)} ${of}, ${held}, in ${folder}` },
      ]
    }
    const message = `no ${of} can be kept in ${folder} (${problem}): choose another folder with --cache`
    return [{ name, state: 'warning', message }]
  } catch (error) {
    // What is wrong with the lake's file is said where the lake is opened.
    return [{ name, state: 'warning', message: errorMessage(error) }]
  }
}

async function lakeChecks(
  lake: Lake,
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<Check[]> {
  const { checks } = await lake.lake.check(undefined, { signal })
  const verified = await lake.lake.verify({ read_data: options.readData === true }, { signal })
  const [first] = verified.issues
  return [
    ...checks.map(
      ({ name, ok, message }): Check => ({ name, state: ok ? 'ok' : 'failed', message }),
    ),
    {
      name: 'contents',
      state: verified.ok ? 'ok' : 'failed',
      message: verified.ok
        ? `${formatCount(verified.assets_checked)} payloads are where their records say${options.readData === true ? ' and match their hashes' : ''}`
        : `${formatCount(verified.issue_count)} issues, the first: ${first?.kind} ${first?.id}: ${first?.message}`,
    },
  ]
}
