import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { createClient } from 'redis'
import { openTokenStore } from './authorization-store.ts'
import type { TokenStore } from './authorization-store-entry.ts'
import {
  noPostgres,
  noRedis,
  startPostgres,
  startRedis,
  type Database,
} from './database-testbed.ts'
import { StartError } from './process.ts'

// What every store must do, against real ones. SQLite's file has tests of its own.

const kinds = [
  { name: 'memory', skip: false, start: null },
  { name: 'sqlite', skip: false, start: null },
  { name: 'redis', skip: noRedis, start: startRedis },
  { name: 'postgres', skip: noPostgres, start: startPostgres },
] as const

for (const { name, skip, start } of kinds) {
  describe(`store ${name}`, { skip }, () => {
    let folder: string
    let database: Database | null = null
    let store: TokenStore = { adapter: () => assert.fail('not open'), close: () => undefined }
    const open = async (target = database) => {
      const storePasswordFile = target === null ? null : join(folder, 'password')
      if (storePasswordFile !== null) await writeFile(storePasswordFile, `${target?.password}\n`)
      return openTokenStore({
        store: target?.url ?? name,
        storePasswordFile,
        databaseFile: join(folder, 'tokens.sqlite'),
      })
    }
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'trustbench-store-'))
      database = (await start?.()) ?? null
      store = await open()
    })
    after(async () => {
      // Whatever failed before: a database that is left alive would keep the tests from ending.
      await Promise.resolve(store.close()).finally(() => database?.[Symbol.asyncDispose]())
      await rm(folder, { recursive: true })
    })

    test('finds an entry as it was put', async () => {
      const payload = { jti: 'a', exp: 7, scope: 'payments:read', extra: { org_id: 'ac"me\u00e9' } }
      const tokens = store.adapter('ClientCredentials')
      await tokens.upsert('a', payload, 60)
      payload.scope = 'changed by its owner'
      assert.deepEqual(await tokens.find('a'), { ...payload, scope: 'payments:read' })
      assert.equal(await tokens.find('b'), undefined)
    })

    test('replaces what was put before, its marks included', async () => {
      const tokens = store.adapter('DeviceCode')
      await tokens.upsert('r', { jti: 'r', uid: 'old', userCode: 'old', grantId: 'old' }, 60)
      await tokens.upsert('r', { jti: 'r', uid: 'new', userCode: 'new', grantId: 'new' }, 60)
      await tokens.revokeByGrantId('old')
      assert.equal(await tokens.findByUid('old'), undefined)
      assert.equal(await tokens.findByUserCode('old'), undefined)
      assert.equal((await tokens.findByUid('new'))?.jti, 'r')
      assert.equal((await tokens.findByUserCode('new'))?.jti, 'r')
    })

    test('keeps models apart', async () => {
      await store.adapter('ClientCredentials').upsert('m', { uid: 'u', userCode: 'c' }, 60)
      const others = store.adapter('AccessToken')
      await others.destroy('m')
      await others.consume('m')
      assert.equal(await others.find('m'), undefined)
      assert.equal(await others.findByUid('u'), undefined)
      assert.equal(await others.findByUserCode('c'), undefined)
      const found = await store.adapter('ClientCredentials').find('m')
      assert.deepEqual(found, { uid: 'u', userCode: 'c' })
    })

    test('destroys, consumes, and revokes by grant', async () => {
      const tokens = store.adapter('AccessToken')
      await tokens.upsert('d', {}, 60)
      await tokens.destroy('d')
      assert.equal(await tokens.find('d'), undefined)
      await tokens.upsert('c', { jti: 'c' }, 60)
      await tokens.consume('c')
      const consumed: unknown = (await tokens.find('c'))?.['consumed']
      assert.ok(typeof consumed === 'number' && Math.abs(consumed - Date.now() / 1_000) < 10)
      await tokens.upsert('g1', { grantId: 'g' }, 60)
      await store.adapter('RefreshToken').upsert('g2', { grantId: 'g' }, 60)
      await tokens.upsert('g3', { grantId: 'other' }, 60)
      await tokens.revokeByGrantId('g')
      assert.equal(await tokens.find('g1'), undefined)
      assert.equal(await store.adapter('RefreshToken').find('g2'), undefined)
      assert.deepEqual(await tokens.find('g3'), { grantId: 'other' })
    })

    test('forgets an entry at its time, by the clock of the store', async () => {
      const tokens = store.adapter('Session')
      await tokens.upsert('e', { uid: 'e' }, 1)
      await tokens.upsert('f', { uid: 'f' }, undefined)
      const endMs = Date.now() + 5_000
      while ((await tokens.find('e')) !== undefined) assert.ok(Date.now() < endMs, 'still there')
      assert.equal(await tokens.findByUid('e'), undefined)
      assert.deepEqual(await tokens.find('f'), { uid: 'f' })
    })

    test('holds more than a thousand entries', async () => {
      const tokens = store.adapter('ClientCredentials')
      const ids = Array.from({ length: 1_500 }, (_, index) => `many-${index}`)
      await Promise.all(ids.map((id) => tokens.upsert(id, { jti: id }, 60)))
      const found = await Promise.all(ids.map((id) => tokens.find(id)))
      assert.deepEqual(
        found.map((payload) => payload?.jti),
        ids,
      )
    })

    test('shares nothing with another process on the same database', async () => {
      if (database === null) return
      const other = await open()
      await other.adapter('ClientCredentials').upsert('theirs', {}, 60)
      assert.equal(await store.adapter('ClientCredentials').find('theirs'), undefined)
      await other.close()
    })
  })
}

/** Everything that a database holds of ours. */
async function remains({ url, password }: Database): Promise<string[]> {
  if (url.startsWith('redis:')) {
    const client = createClient({ url, password })
    await client.connect()
    const keys = await client.keys('*')
    await client.close()
    return keys
  }
  const { hostname: host, port, username: user } = new URL(url)
  const client = new pg.Client({ host, port: Number(port), user, password, database: 'postgres' })
  await client.connect()
  const { rows } = await client.query<{ nspname: string }>(
    "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'trustbench%'",
  )
  await client.end()
  return rows.map(({ nspname }) => nspname)
}

for (const { name, skip, start } of kinds) {
  if (start === null) continue
  describe(`a database for store ${name}`, { skip }, () => {
    test('is left as it was found, and fails in words when it is gone', async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'trustbench-store-'))
      t.after(() => rm(folder, { recursive: true }))
      const storePasswordFile = join(folder, 'password')
      const database = await start()
      t.after(() => database[Symbol.asyncDispose]())
      const request = { store: database.url, storePasswordFile, databaseFile: '' }
      await writeFile(storePasswordFile, database.password)
      const first = await openTokenStore(request)
      await first.adapter('ClientCredentials').upsert('a', { grantId: 'g', uid: 'u' }, 60)
      assert.ok((await remains(database)).length > 0)
      await first.close()
      assert.deepEqual(await remains(database), [])

      await writeFile(storePasswordFile, 'wrong')
      await assert.rejects(openTokenStore(request), (error) => {
        assert.ok(error instanceof StartError)
        assert.match(error.message, /^store \w+:\/\/\S+ cannot be used \(.+\): start /)
        assert.ok(!error.message.includes(database.password))
        return true
      })

      await writeFile(storePasswordFile, database.password)
      const second = await openTokenStore(request)
      await second.adapter('ClientCredentials').upsert('a', {}, 60)
      await database.kill()
      // No answer is a refusal: it must come, and must not be undefined, which would be "no such token".
      await assert.rejects(second.adapter('ClientCredentials').find('a'))
      await Promise.resolve(second.close()).catch(() => undefined)
      await assert.rejects(openTokenStore(request), StartError)
    })
  })
}
