import { openMount } from '../mount-url.ts'
import { openLocalMount } from '../mounts/local/index.ts'
import { someBytes, someStream } from './builders.ts'

interface Plan {
  readonly kind: 'number' | 'overwrite' | 'many' | 'stream' | 'folder'
  readonly name: string
  readonly count: number
  readonly writerId: string
}

// A process that only writes, to be run beside others or killed: node writer-process.ts MOUNT PLAN
const [url = '', text = '{}'] = process.argv.slice(2)
const { kind, name, count, writerId } = JSON.parse(text) as Plan
const registry = await openMount(url, {
  openers: {
    file: openLocalMount,
    // Not loaded where it is not wanted: it takes longer than all else this process does.
    s3: async (mount) => (await import('../mounts/s3/index.ts')).openS3Mount(mount),
  },
  defaults: { mutable: true, versionObjects: kind !== 'overwrite' && kind !== 'folder' },
})

for (let index = 0; index < count; index++) {
  const body = `${writerId} ${index}`
  if (kind === 'number') {
    const { version } = await registry.put(name, body)
    process.stdout.write(`${JSON.stringify({ version, text: body })}\n`)
  } else if (kind === 'overwrite') {
    await registry.put(name, writerId.slice(0, 1).repeat(50_000 + index))
    process.stdout.write(`${index}\n`)
  } else if (kind === 'folder') {
    const letter = writerId.slice(0, 1)
    await registry.put(name, {
      className: 'pathlib.PosixPath',
      materializer: 'mindtrace.registry.archivers.path_archiver.PathArchiver',
      files: Array.from({ length: 4 }, (_, file) => ({
        path: `${(index + file) % 6}.txt`,
        body: new TextEncoder().encode(letter.repeat(20_000 + index)),
      })),
    })
    process.stdout.write(`${index}\n`)
  } else if (kind === 'stream') {
    await registry.put(`${name}/${writerId}/${index}`, someStream(1_500_000 + index))
    process.stdout.write(`${index}\n`)
  } else {
    await registry.putMany(
      Array.from({ length: 12 }, (_, item) => ({
        name: `${name}/${writerId}/${index}-${item}`,
        body: someBytes(2_000, index * 12 + item),
      })),
    )
    process.stdout.write(`${index}\n`)
  }
}
