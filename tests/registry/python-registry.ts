import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('python_registry.py', import.meta.url))

/** Where a registry of the reference lies. */
export type PythonBackend =
  | { readonly kind: 'local'; readonly root: string }
  | {
      readonly kind: 's3' | 'gcs'
      /** With the scheme. */
      readonly endpoint: string
      readonly bucket: string
      readonly prefix: string
    }

/** An error of the reference, by the name of its class. */
export class PythonError extends Error {
  override readonly name = 'PythonError'
  readonly type: string

  constructor(type: string, message: string) {
    super(`${type}: ${message}`)
    this.type = type
  }
}

/** A registry of the Python reference in a process of its own. Calls are answered one after the other. */
export class PythonRegistry implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #answers: AsyncIterator<string>
  #last: Promise<unknown> = Promise.resolve()

  static async open(
    backend: PythonBackend,
    options: { readonly version_objects: boolean; readonly mutable: boolean },
  ): Promise<PythonRegistry> {
    const registry = new PythonRegistry(backend, options)
    await registry.#answer()
    return registry
  }

  private constructor(backend: PythonBackend, options: object) {
    const { kind, ...settings } = backend
    const endpoint = 'endpoint' in settings ? settings.endpoint : ''
    this.#process = spawn(
      process.env.MINDTRACE_TEST_PYTHON ?? '',
      [
        script,
        kind,
        JSON.stringify({ ...settings, endpoint: endpoint.replace(/^https?:\/\//, '') }),
        JSON.stringify(options),
      ],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { ...process.env, ...(kind === 'gcs' ? { STORAGE_EMULATOR_HOST: endpoint } : {}) },
      },
    )
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream })
    this.#answers = lines[Symbol.asyncIterator]()
  }

  /** @throws {PythonError} what the reference raised. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    const answer = this.#last
      .catch(() => {})
      .then(async () => {
        this.#process.stdin?.write(`${JSON.stringify({ call: name, args })}\n`)
        return this.#answer()
      })
    this.#last = answer
    return answer
  }

  async save(
    name: string,
    body: Uint8Array,
    options: { readonly version?: string; readonly metadata?: object } = {},
  ): Promise<string> {
    const bytes = Buffer.from(body).toString('base64')
    return (await this.call('save', { name, bytes, ...options })) as string
  }

  async load(name: string, version = 'latest'): Promise<Buffer> {
    const { bytes } = (await this.call('load', { name, version })) as { bytes: string }
    return Buffer.from(bytes, 'base64')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end()
    if (this.#process.exitCode === null) {
      await new Promise((resolve) => this.#process.once('exit', resolve))
    }
  }

  async #answer(): Promise<unknown> {
    for (;;) {
      const { value, done } = await this.#answers.next()
      if (done === true) throw new Error('the Python process has ended')
      // The reference prints words of its own.
      if (!value.startsWith('{')) continue
      const answer = JSON.parse(value)
      if (answer.error !== undefined) throw new PythonError(answer.error, answer.message)
      return answer.answer
    }
  }
}
