import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mongoose from 'mongoose'
import { endWithUs, freePort } from './child-server.ts'

/** What a `mongod` of ours is to be. */
export interface MongodOptions {
  /** The program. */
  readonly program: string
  /** The name of a replica set of one member. Default: a standalone. */
  readonly replicaSet?: string | undefined
}

const startTimeoutMs = 30_000
const closeIdleFiles =
  'file_manager=(close_idle_time=2,close_scan_interval=1,close_handle_minimum=50)'

/** A `mongod` on a free port of 127.0.0.1, with its data in a temporary folder. Disposing it removes both. */
export class MongodProcess implements AsyncDisposable {
  readonly url: string
  readonly #options: MongodOptions
  readonly #port: number
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(options: MongodOptions, port: number, folder: string) {
    const query = options.replicaSet === undefined ? '' : `?replicaSet=${options.replicaSet}`
    this.url = `mongodb://127.0.0.1:${port}/${query}`
    this.#options = options
    this.#port = port
    this.#folder = folder
  }

  /** Starts one, and waits until it takes writes. */
  static async start(options: MongodOptions): Promise<MongodProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'mindtrace-mongod-'))
    const mongod = new MongodProcess(options, await freePort(), folder)
    try {
      await mongod.restart()
      return mongod
    } catch (error) {
      await mongod[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts it again on its data, after {@link MongodProcess.kill}. */
  async restart(): Promise<void> {
    const { program, replicaSet } = this.#options
    const args = ['--dbpath', this.#folder, '--port', String(this.#port)]
    args.push('--bind_ip', '127.0.0.1', '--wiredTigerCacheSizeGB', '0.5', '--nounixsocket')
    // Tests make many small databases, whose files would stay open until the server runs out of handles.
    args.push('--wiredTigerEngineConfigString', closeIdleFiles)
    args.push('--setParameter', 'diagnosticDataCollectionEnabled=false')
    args.push('--setParameter', 'enableTestCommands=1', '--logpath', join(this.#folder, 'log'))
    if (replicaSet !== undefined) args.push('--replSet', replicaSet, '--oplogSize', '256')
    const child = spawn(program, args, { stdio: 'ignore' })
    this.#child = child
    await once(child, 'spawn')
    endWithUs(child)
    await this.#untilWritable(child)
  }

  /** Ends it as a power cut would, or lets it finish what it is doing with `SIGTERM`. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #untilWritable(child: ChildProcess): Promise<void> {
    const { replicaSet } = this.#options
    const connection = mongoose.createConnection()
    const deadline = performance.now() + startTimeoutMs
    try {
      await connection.openUri(`mongodb://127.0.0.1:${this.#port}/?directConnection=true`, {
        serverSelectionTimeoutMS: startTimeoutMs,
      })
      const admin = connection.getClient().db('admin')
      const host = `127.0.0.1:${this.#port}`
      const config = { _id: replicaSet, members: [{ _id: 0, host }] }
      // It fails harmlessly where the data have a configuration already.
      if (replicaSet !== undefined)
        await admin.command({ replSetInitiate: config }).catch(() => undefined)
      while (!(await admin.command({ hello: 1 })).isWritablePrimary) {
        if (performance.now() > deadline) throw new Error('it does not become primary')
        await sleep(20)
      }
    } catch (cause) {
      const state = child.exitCode === null ? '' : ` (it exited with ${child.exitCode})`
      throw new Error(`mongod did not start${state}`, { cause })
    } finally {
      await connection.close()
    }
  }
}
