import { cp, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf } from '../testing/lake-under-test.ts'
import { mountFolder } from './mount-folder.ts'
import { openLake } from './open-lake.ts'
import { derivedName } from './remembered-mounts.ts'

let folder: TemporaryFolder
beforeEach(async () => {
  folder = await temporaryFolder()
  await mkdir(at('data/voc 2%?#ü'), { recursive: true })
  await writeFile(at('data/voc 2%?#ü', 'a.jpg'), 'picture')
})
afterEach(async () => await folder[Symbol.asyncDispose]())

const at = (...path: string[]) => join(folder.path, ...path)
const source = () => at('data/voc 2%?#ü')

async function read(lake: string, mount: string, name = 'a.jpg'): Promise<string> {
  await using opened = await openLake(lake, { create: false })
  const { body } = await opened.streams.readObject({ mount, name })
  return await new Response(body).text()
}

describe('a folder used in place by an embedded lake', () => {
  test('is a mount of it from then on, and the same one again', async () => {
    await using _made = await openLake(at('lake'))
    const { mount, prefix } = await mountFolder(at('lake'), source())
    expect(prefix).toBe('')
    expect(mount).toMatch(/^[\w.-]*data-voc-2-[0-9a-f]{8}$/)
    expect(await read(at('lake'), mount)).toBe('picture')
    await symlink(source(), at('link'))
    expect(await mountFolder(at('lake'), at('link'))).toEqual({ mount, prefix: '' })
    await using lake = await openLake(at('lake'))
    const { mounts, default_mount } = await lake.mounts()
    expect(default_mount).toBe('main')
    expect(mounts.map(({ name, read_only }) => [name, read_only])).toEqual([
      ['main', false],
      [mount, true],
    ])
    await expect(lake.objects.put({ name: 'x', mount, data_base64: '' })).rejects.toThrow()
    expect(await readdir(source())).toEqual(['a.jpg'])
  })

  test('has the name that was given, which no other folder gets', async () => {
    const name = 'pictures'
    expect(await mountFolder(at('lake'), source(), { name })).toEqual({ mount: name, prefix: '' })
    expect(await mountFolder(at('lake'), source(), { name })).toEqual({ mount: name, prefix: '' })
    await mkdir(at('other'))
    const refused = (input: string) => () => mountFolder(at('lake'), at('other'), { name: input })
    expect(await codeOf(refused(name))).toBe('CONFLICT')
    expect(await codeOf(refused('main'))).toBe('CONFLICT')
    expect(await codeOf(refused('../x'))).toBe('VALIDATION_FAILED')
  })

  test('moves with the lake when it lies in it', async () => {
    await mkdir(at('lake/pictures'), { recursive: true })
    await writeFile(at('lake/pictures/a.jpg'), 'mine')
    const { mount } = await mountFolder(at('lake'), at('lake/pictures'))
    await using _made = await openLake(at('lake'))
    await _made[Symbol.asyncDispose]()
    await cp(at('lake'), at('copy'), { recursive: true })
    await rename(at('lake'), at('moved'))
    expect(await read(at('copy'), mount)).toBe('mine')
    expect(await read(at('moved'), mount)).toBe('mine')
    expect(await mountFolder(at('moved'), at('moved/pictures'))).toEqual({ mount, prefix: '' })
  })

  test('serves the folders within it', async () => {
    await mkdir(at('data/more/deep'), { recursive: true })
    const { mount } = await mountFolder(at('lake'), at('data'))
    expect(await mountFolder(at('lake'), at('data/more/deep'))).toEqual({
      mount,
      prefix: 'more/deep/',
    })
  })

  test('gets one name however many make it at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, () => mountFolder(at('lake'), source())),
    )
    expect(new Set(made.map(({ mount }) => mount)).size).toBe(1)
    const others = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        await mkdir(at(`set${index}`))
        return mountFolder(at('lake'), at(`set${index}`))
      }),
    )
    await using lake = await openLake(at('lake'))
    const names = (await lake.mounts()).mounts.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining([...made, ...others].map(({ mount }) => mount)))
  })

  test('holds nothing that the lake itself writes', async () => {
    await mkdir(at('lake'))
    await symlink(at('lake'), at('way'))
    const refused: [string, string][] = [
      [at('lake'), at()],
      [at('lake'), at('lake')],
      [at('way/lake2'), at('lake')],
      [at('data/lake'), at('data')],
    ]
    for (const [lake, pictures] of refused) {
      expect(await codeOf(() => mountFolder(lake, pictures)), `${lake} ${pictures}`).toBe(
        'INVALID_INPUT',
      )
    }
    expect(await readdir(at('data'))).toEqual(['voc 2%?#ü'])
    await mkdir(at('lake/main/pictures'), { recursive: true })
    await expect(mountFolder(at('lake'), at('lake/main/pictures'))).rejects.toThrow(
      "overlaps the mount 'main'",
    )
    expect(await codeOf(() => mountFolder(at('lake'), at('none')))).toBe('NOT_FOUND')
    expect(await codeOf(() => mountFolder(at('lake'), join(source(), 'a.jpg')))).toBe(
      'INVALID_INPUT',
    )
  })

  test('stays beside mounts that are given, which come first', async () => {
    const { mount } = await mountFolder(at('lake'), source())
    await using lake = await openLake(at('lake'), { mounts: { fresh: `file:${at('fresh')}` } })
    const { mounts, default_mount } = await lake.mounts()
    expect(default_mount).toBe('fresh')
    expect(mounts.map(({ name }) => name)).toEqual(['fresh', mount])
  })
})

test.each([
  ['no JSON', 'x.json', '{'],
  ['a place of another kind', 'x.json', '{"version":1,"url":"s3://bucket?layout=plain"}'],
  ['a mount that could be written', 'x.json', '{"version":1,"url":"file:///tmp"}'],
  ['a later version', 'x.json', '{"version":2,"url":"file:x?layout=plain"}'],
  ['no name of a mount', '%.json', '{"version":1,"url":"file:x?layout=plain"}'],
])('a remembered mount that is %s is named', async (_what, file, content) => {
  await using _made = await openLake(at('lake'))
  await mkdir(at('lake/mounts'))
  await writeFile(at('lake/mounts', file), content)
  await expect(openLake(at('lake'))).rejects.toThrow(at('lake/mounts', file))
})

test('a lake.json is told the line that it lacks, and used as it is', async () => {
  const config = { database: 'sqlite:lake.db', mounts: { main: 'file:main' } }
  await mkdir(at('config'))
  const address = at('config/lake.json')
  await writeFile(address, JSON.stringify(config))
  const line = /add ("[^"]+"): ("file:[^"]+") to its "mounts"/
  const refusal = await mountFolder(address, source()).then(
    () => '',
    (error: Error) => error.message,
  )
  const [, name = '', url = ''] = line.exec(refusal) ?? []
  expect(JSON.parse(url)).toBe(`${pathToFileURL(source()).href}?layout=plain`)
  const mounts = { ...config.mounts, [JSON.parse(name)]: JSON.parse(url) }
  await writeFile(address, JSON.stringify({ ...config, mounts }))
  const { mount } = await mountFolder(address, source())
  expect(mount).toBe(JSON.parse(name))
  await using _made = await openLake(address)
  expect(await read(address, mount)).toBe('picture')
})

test('names have words of the path and tell paths apart', () => {
  expect(derivedName('/data/VOC 2007')).toMatch(/^data-VOC-2007-[0-9a-f]{8}$/)
  expect(derivedName('/')).toMatch(/^mount-[0-9a-f]{8}$/)
  expect(derivedName('/ä')).not.toBe(derivedName('/ö'))
  expect(derivedName(`/${'long/'.repeat(100)}`)).toHaveLength(57)
})
