import { connectLake } from '@mindtrace/client'
import { bytesOf } from '@mindtrace/core'
import { mongoPlace } from '@mindtrace/database/testing'
import { describe, expect, test } from 'vitest'
import { backEnds } from '../access/served-lake.ts'
import { runCli } from '../cli/run-cli.ts'
import { serveProcess, until } from './served-process.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

describe.each(backEnds.filter(([, , missing]) => !missing))(
  'two service processes over one lake on %s',
  (_name, kind) => {
    test('see each other’s writes, decide conflicts once, and share uploads and keys', async () => {
      await using place = kind === 'mongodb' ? mongoPlace(mongodb) : undefined
      const env: Record<string, string> =
        place === undefined ? {} : { MINDTRACE_DATABASE: place.address }
      await using one = await serveProcess({ env })
      await using two = await serveProcess({ env, lake: one.lake })
      const [a, b] = [connectLake(one.address), connectLake(two.address)]

      // What one wrote, the other reads at once.
      const bytes = new Uint8Array(10_000).fill(7)
      await a.streams.writeObject({ mount: null, name: 'shared' }, bytes)
      const { body } = await b.streams.readObject({ mount: 'main', name: 'shared' })
      expect(await bytesOf(body, 100_000)).toEqual(bytes)

      // Of many that want one name, in both processes, one gets it.
      const names = Array.from({ length: 10 }, (_, index) => `collection ${index}`)
      const data_base64 = Buffer.from('x').toString('base64')
      const { asset } = await a.assets.createFromObject({
        name: 'asset',
        data_base64,
        kind: 'image',
        media_type: 'image/png',
      })
      for (const alias of names) {
        const { asset: other } = await b.assets.createFromObject({
          name: alias,
          data_base64,
          kind: 'image',
          media_type: 'image/png',
        })
        const outcomes = await Promise.allSettled([
          a.aliases.add({ asset_id: asset.asset_id, alias }),
          b.aliases.add({ asset_id: other.asset_id, alias }),
        ])
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      }

      // Writers of both make it through each other's locks.
      const lakes = [a, b]
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          lakes[index % 2]?.collections.create({ name: `c${index}` }),
        ),
      )
      expect((await b.collections.list({})).collections).toHaveLength(40)

      // An upload that began here is completed there.
      const session = await a.objects.uploadSession.create({ name: 'up' })
      const { writeFile } = await import('node:fs/promises')
      await writeFile(session.upload_path as string, bytes)
      const done = await b.objects.uploadSession.complete({
        upload_session_id: session.upload_session_id,
        finalize_token: session.finalize_token,
      })
      expect(done.status).toBe('completed')

      // Keys are taken up by both, without a restart.
      const lakeAt = ['--lake', one.lake]
      const create = ['keys', 'create', '--name', 'k', '--role', 'reader', ...lakeAt]
      const made = await runCli(create, { env })
      const key = made.stdout.trim()
      for (const { address } of [one, two]) {
        await until(async () => {
          const code = await connectLake(address)
            .summary()
            .then(
              () => 'open',
              ({ code }) => code,
            )
          return code === 'UNAUTHENTICATED'
        })
        await connectLake(address, { apiKey: key }).summary()
      }
      await runCli(['keys', 'revoke', key, ...lakeAt], { env })
      for (const { address } of [one, two]) {
        await until(() =>
          connectLake(address, { apiKey: key })
            .summary()
            .then(
              () => false,
              ({ code }) => code === 'UNAUTHENTICATED',
            ),
        )
      }

      // One goes, in the middle of its work; the other serves on.
      one.kill('SIGKILL')
      await one.finished
      const admin = await runCli(['keys', 'create', '--name', 'a', '--role', 'admin', ...lakeAt], {
        env,
      })
      const left = connectLake(two.address, { apiKey: admin.stdout.trim() })
      await until(() =>
        left.collections.create({ name: 'after' }).then(
          () => true,
          () => false,
        ),
      )
      two.kill('SIGTERM')
      expect(await two.finished).toMatchObject({ code: 0 })
    }, 180_000)
  },
)
