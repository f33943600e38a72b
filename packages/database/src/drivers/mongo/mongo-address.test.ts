import { describe, expect, test } from 'vitest'
import { clientOptions, databaseNameOf } from './mongo-address.ts'
import { openMongoDatabase } from './mongo-database.ts'

const secret = 'hunter2'

describe('the name of the database', () => {
  test.each([
    ['mongodb://h/lake', 'lake'],
    ['mongodb://h:27018/lake', 'lake'],
    ['mongodb://a:1,b:2,c/lake?replicaSet=rs0', 'lake'],
    ['mongodb://user:p%40ss%2Fword@h/lake', 'lake'],
    ['mongodb+srv://user:pass@cluster.example/lake?retryWrites=true&w=majority', 'lake'],
    ['mongodb://[::1]:27017/lake', 'lake'],
    ['mongodb://h/lake-2_x', 'lake-2_x'],
    ['mongodb://h/l%C3%A4ke', 'läke'],
  ])('of %s is %s', (url, name) => {
    expect(databaseNameOf(url)).toBe(name)
  })

  test('is the given one, over that of the address', () => {
    expect(databaseNameOf('mongodb://h/other', 'lake')).toBe('lake')
    expect(databaseNameOf('mongodb://h', 'lake')).toBe('lake')
  })

  test.each([
    ['no host', 'mongodb:///lake'],
    ['another scheme', `https://u:${secret}@h/lake`],
    ['no database', `mongodb://u:${secret}@h`],
    ['no database behind a slash', `mongodb://u:${secret}@h/?w=1`],
    ['a name with a space', `mongodb://u:${secret}@h/a b`],
    ['a name with a dot', `mongodb://u:${secret}@h/a.b`],
    ['a name that is too long', `mongodb://u:${secret}@h/${'a'.repeat(64)}`],
    ['a password with a slash', `mongodb://u:a/${secret}@h/lake`],
    ['a percent sign alone', `mongodb://u:${secret}@h/lake%zz`],
  ])('is refused with %s, without the password', (_what, url) => {
    const error = thrownBy(() => databaseNameOf(url))
    expect(error).toMatchObject({ code: 'INVALID_INPUT' })
    expect(textOf(error)).not.toContain(secret)
  })
})

describe('the options of the client', () => {
  const optionsOf = (url: string, more = {}) => clientOptions({ url, ...more }, 'lake')

  test('are ours where the address says nothing', () => {
    expect(optionsOf('mongodb://h/lake')).toMatchObject({
      dbName: 'lake',
      serverSelectionTimeoutMS: 5000,
      connectTimeoutMS: 5000,
      maxPoolSize: 100,
      minPoolSize: 0,
      appName: 'mindtrace',
      w: 'majority',
    })
    expect(optionsOf('mongodb://h/lake', { maxPoolSize: 3, selectionTimeoutMs: 7 })).toMatchObject({
      maxPoolSize: 3,
      serverSelectionTimeoutMS: 7,
    })
  })

  test('leave what the address says to the address, in any case', () => {
    const options = optionsOf(
      'mongodb://h/lake?W=1&maxpoolsize=5&serverSelectionTimeoutMS=10&appname=me',
      { maxPoolSize: 3 },
    )
    expect(Object.keys(options).toSorted()).toEqual([
      'connectTimeoutMS',
      'dbName',
      'fieldsAsRaw',
      'minPoolSize',
    ])
  })
})

describe('opening', () => {
  test.each([
    ['INVALID_INPUT', `mongodb://u:${secret}@h:x/lake`],
    ['INVALID_INPUT', `mongodb://u:${secret}@@h/lake`],
    ['INVALID_INPUT', `mongodb://u:${secret}%zz@h/lake`],
    ['INVALID_INPUT', `mongodb://u:${secret}@h/lake?bogus=1`],
    ['INVALID_INPUT', `mongodb+srv://u:${secret}@h:27017/lake`],
    ['INVALID_INPUT', `mongodb://u:${secret}@127.0.0.1:1/lake?tls=true&tlsCAFile=/absent/ca.pem`],
    ['UNAVAILABLE', `mongodb://u:${secret}@127.0.0.1:1/lake`],
    ['UNAVAILABLE', `mongodb+srv://u:${secret}@absent.invalid/lake`],
  ])('fails as %s, without the password, for %s', async (code, url) => {
    const error: unknown = await openMongoDatabase({ url, selectionTimeoutMs: 50 }).then(
      (database) => database.close(),
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code })
    expect(textOf(error)).not.toContain(secret)
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

/** All that a log could show of an error. */
function textOf(error: unknown): string {
  const texts: string[] = []
  for (let at = error; at instanceof Error; at = at.cause) {
    texts.push(at.message, at.stack ?? '', JSON.stringify(at))
  }
  return texts.join('\n')
}
