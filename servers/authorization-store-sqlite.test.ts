import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openSqliteStore } from './authorization-store-sqlite.ts'
import type { TokenStore } from './authorization-store-entry.ts'
import { StartError } from './process.ts'

let folder: string
let file: string
let store: TokenStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trustbench-store-'))
  file = join(folder, 'tokens.sqlite')
  store = openSqliteStore(file)
})

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

describe('an entry', () => {
  test('is found as it was put', async () => {
    const payload = { jti: 'a', exp: 7, scope: 'payments:read', extra: { org_id: 'acme' } }
    const tokens = store.adapter('ClientCredentials')
    await tokens.upsert('a', payload, 60)
    assert.deepEqual(await tokens.find('a'), payload)
  })

  test('put again replaces what was there, its marks included', async () => {
    const tokens = store.adapter('DeviceCode')
    await tokens.upsert('a', { jti: 'a', uid: 'old', userCode: 'old', grantId: 'old' }, 60)
    await tokens.upsert('a', { jti: 'a', uid: 'new', userCode: 'new', grantId: 'new' }, 60)
    await tokens.revokeByGrantId('old')
    assert.equal(await tokens.findByUid('old'), undefined)
    assert.equal(await tokens.findByUserCode('old'), undefined)
    assert.equal((await tokens.findByUid('new'))?.jti, 'a')
    assert.equal((await tokens.findByUserCode('new'))?.jti, 'a')
  })

  test('is of its model only', async () => {
    await store.adapter('ClientCredentials').upsert('a', { uid: 'u', userCode: 'c' }, 60)
    const others = store.adapter('AccessToken')
    await others.destroy('a')
    await others.consume('a')
    assert.equal(await others.find('a'), undefined)
    assert.equal(await others.findByUid('u'), undefined)
    assert.equal(await others.findByUserCode('c'), undefined)
    assert.deepEqual(await store.adapter('ClientCredentials').find('a'), {
      uid: 'u',
      userCode: 'c',
    })
  })

  test('is gone when destroyed', async () => {
    const tokens = store.adapter('ClientCredentials')
    await tokens.upsert('a', {}, 60)
    await tokens.upsert('b', {}, 60)
    await tokens.destroy('a')
    assert.equal(await tokens.find('a'), undefined)
    assert.deepEqual(await tokens.find('b'), {})
  })

  test('says when it was consumed', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 5_000 })
    const codes = store.adapter('AuthorizationCode')
    await codes.upsert('a', { jti: 'a' }, 60)
    await codes.consume('a')
    assert.deepEqual(await codes.find('a'), { jti: 'a', consumed: 5 })
  })

  test('goes with its grant, whatever its model', async () => {
    await store.adapter('AccessToken').upsert('a', { grantId: 'g' }, 60)
    await store.adapter('RefreshToken').upsert('b', { grantId: 'g' }, 60)
    await store.adapter('AccessToken').upsert('c', { grantId: 'other' }, 60)
    await store.adapter('AccessToken').revokeByGrantId('g')
    assert.equal(await store.adapter('AccessToken').find('a'), undefined)
    assert.equal(await store.adapter('RefreshToken').find('b'), undefined)
    assert.deepEqual(await store.adapter('AccessToken').find('c'), { grantId: 'other' })
  })
})

describe('expiry', () => {
  const rows = [
    { name: 'not before its time', expiresIn: 10, atMs: 10_999, isFound: true },
    { name: 'at its time', expiresIn: 10, atMs: 11_000, isFound: false },
    { name: 'never without a time', expiresIn: undefined, atMs: 1e15, isFound: true },
  ]
  for (const { name, expiresIn, atMs, isFound } of rows) {
    test(name, async (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
      const sessions = store.adapter('Session')
      await sessions.upsert('a', { uid: 'u', userCode: 'c' }, expiresIn)
      t.mock.timers.setTime(atMs)
      const found = [
        await sessions.find('a'),
        await sessions.findByUid('u'),
        await sessions.findByUserCode('c'),
      ]
      const payload = isFound ? { uid: 'u', userCode: 'c' } : undefined
      assert.deepEqual(found, [payload, payload, payload])
    })
  }

  test('removes rows when the store is opened again', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
    await store.adapter('ClientCredentials').upsert('old', {}, 1)
    await store.adapter('ClientCredentials').upsert('young', {}, 9)
    await store.close()
    t.mock.timers.setTime(5_000)
    store = openSqliteStore(file)
    assert.deepEqual(rowsOf('SELECT id FROM entry'), [{ id: 'young' }])
  })
})

describe('the file', () => {
  test('keeps entries when the store is opened again', async () => {
    await store.adapter('ClientCredentials').upsert('a', { jti: 'a' }, 60)
    await store.close()
    store = openSqliteStore(file)
    assert.deepEqual(await store.adapter('ClientCredentials').find('a'), { jti: 'a' })
  })

  test('is 0600, with its log and index, even where it was not before', async () => {
    await store.close()
    await chmod(file, 0o644)
    store = openSqliteStore(file)
    await store.adapter('ClientCredentials').upsert('a', {}, 60)
    const modes = (await readdir(folder)).map(async (name) => {
      const { mode } = await stat(join(folder, name))
      return [name, (mode & 0o777).toString(8)]
    })
    assert.deepEqual((await Promise.all(modes)).sort(), [
      ['tokens.sqlite', '600'],
      ['tokens.sqlite-shm', '600'],
      ['tokens.sqlite-wal', '600'],
    ])
  })

  test('is searched by an index in every look-up', () => {
    const wheres = [
      "model = 'M' AND id = 'i'",
      "model = 'M' AND uid = 'u'",
      "model = 'M' AND user_code = 'c'",
      "grant_id = 'g'",
    ]
    const plans = wheres.map((where) =>
      rowsOf(`EXPLAIN QUERY PLAN SELECT payload FROM entry WHERE ${where}`).map(
        ({ detail }) => String(detail).split(' ')[0],
      ),
    )
    assert.deepEqual(plans, [['SEARCH'], ['SEARCH'], ['SEARCH'], ['SEARCH']])
  })

  test('that is no database or in no folder is a StartError that names it', async () => {
    const garbage = join(folder, 'garbage')
    await writeFile(garbage, 'not a database, but long enough to have a header'.repeat(100))
    for (const path of [garbage, join(folder, 'none', 'tokens.sqlite'), folder]) {
      assert.throws(
        () => openSqliteStore(path),
        (error) => error instanceof StartError && error.message.includes(path),
      )
    }
  })
})

function rowsOf(sql: string) {
  const database = new DatabaseSync(file, { readOnly: true })
  const rows = database.prepare(sql).all()
  database.close()
  return rows.map((row) => ({ ...row }))
}
