import { LocalMount } from '../mounts/local/index.ts'
import { openRegistry } from '../registry.ts'
import { someBytes, someStream } from './builders.ts'

interface Plan {
  readonly kind: 'number' | 'overwrite' | 'many' | 'stream'
  readonly name: string
  readonly count: number
  readonly writerId: string
}

// A process that only writes, to be run beside others or killed: node writer-process.ts ROOT PLAN
const [root = '', text = '{}'] = process.argv.slice(2)
const { kind, name, count, writerId } = JSON.parse(text) as Plan
const registry = await openRegistry(new LocalMount(root), {
  mutable: true,
  versionObjects: kind !== 'overwrite',
})

for (let index = 0; index < count; index++) {
  const body = `${writerId} ${index}`
  if (kind === 'number') {
    const { version } = await registry.put(name, body)
    process.stdout.write(`${JSON.stringify({ version, text: body })}\n`)
  } else if (kind === 'overwrite') {
    await registry.put(name, writerId.slice(0, 1).repeat(50_000 + index))
    process.stdout.write(`${index}\n`)
  } else if (kind === 'stream') {
    await registry.put(`${name}/${writerId}/${index}`, someStream(3_000_000 + index))
    process.stdout.write(`${index}\n`)
  } else {
    await registry.putMany(
      Array.from({ length: 40 }, (_, item) => ({
        name: `${name}/${writerId}/${index}-${item}`,
        body: someBytes(20_000, index * 40 + item),
      })),
    )
    process.stdout.write(`${index}\n`)
  }
}
