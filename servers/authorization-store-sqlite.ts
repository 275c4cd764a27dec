import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { epochSeconds, parsePayload, reasonOf } from './authorization-store-entry.ts'
import type { TokenStore } from './authorization-store-entry.ts'
import { StartError } from './process.ts'

/**
 * Opens or creates the database (SQLite on disk, mode 0600, write-ahead log): each look-up is one SELECT.
 * Throws a StartError when the file is no database or cannot be written.
 */
export function openSqliteStore(file: string): TokenStore {
  const database = openDatabase(file)
  const statements = prepare(database)
  statements.purge.run(epochSeconds())
  return {
    adapter: (model) => adapterOf(model, statements),
    close: () => {
      database.close()
    },
  }
}

function openDatabase(file: string): DatabaseSync {
  try {
    // SQLite would create it readable by others; its -wal and -shm files take over the mode.
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
    const database = new DatabaseSync(file, { timeout: busyTimeoutMs })
    database.exec(schema)
    return database
  } catch (error) {
    throw new StartError(
      `databaseFile ${file} cannot be opened (${reasonOf(error)}): give a path in a writable folder`,
      { cause: error },
    )
  }
}

type Statements = Readonly<Record<keyof typeof sql, StatementSync>>

function prepare(database: DatabaseSync): Statements {
  return {
    upsert: database.prepare(sql.upsert),
    find: database.prepare(sql.find),
    findByUid: database.prepare(sql.findByUid),
    findByUserCode: database.prepare(sql.findByUserCode),
    consume: database.prepare(sql.consume),
    destroy: database.prepare(sql.destroy),
    revokeByGrantId: database.prepare(sql.revokeByGrantId),
    purge: database.prepare(sql.purge),
  }
}

function adapterOf(model: string, statements: Statements): Adapter {
  return {
    upsert: (id, payload, expiresIn) => {
      const expiresAt = expiresIn === undefined ? null : epochSeconds() + expiresIn
      const { grantId = null, uid = null, userCode = null } = payload
      const row = [JSON.stringify(payload), expiresAt, grantId, uid, userCode]
      statements.upsert.run(model, id, ...row)
      return done
    },
    find: (id) => found(statements.find.get(model, id, epochSeconds())),
    findByUid: (uid) => found(statements.findByUid.get(model, uid, epochSeconds())),
    findByUserCode: (code) => found(statements.findByUserCode.get(model, code, epochSeconds())),
    consume: (id) => {
      statements.consume.run(epochSeconds(), model, id)
      return done
    },
    destroy: (id) => {
      statements.destroy.run(model, id)
      return done
    },
    revokeByGrantId: (grantId) => {
      statements.revokeByGrantId.run(grantId)
      return done
    },
  }
}

function found(row: Record<string, unknown> | undefined): Promise<AdapterPayload | undefined> {
  if (row === undefined) return Promise.resolve(undefined)
  const payload = parsePayload(String(row['payload']))
  const consumed = row['consumed_at']
  return Promise.resolve(typeof consumed === 'number' ? { ...payload, consumed } : payload)
}

const done = Promise.resolve()

/** A restarted server may find the database still locked by the one that is going down. */
const busyTimeoutMs = 1_000

/**
 * Clustered by key, so that a look-up is one search in one tree. `synchronous = NORMAL`: what was
 * answered survives a crash of the process; only a power cut may lose the last tokens.
 */
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS entry (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    expires_at INTEGER,
    grant_id TEXT,
    uid TEXT,
    user_code TEXT,
    consumed_at INTEGER,
    PRIMARY KEY (model, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entry_grant_id ON entry (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS entry_uid ON entry (model, uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS entry_user_code ON entry (model, user_code) WHERE user_code IS NOT NULL;
`

const alive = '(expires_at IS NULL OR expires_at > ?)'

const sql = {
  upsert: `INSERT INTO entry (model, id, payload, expires_at, grant_id, uid, user_code)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at,
      grant_id = excluded.grant_id, uid = excluded.uid, user_code = excluded.user_code`,
  find: `SELECT payload, consumed_at FROM entry WHERE model = ? AND id = ? AND ${alive}`,
  findByUid: `SELECT payload, consumed_at FROM entry WHERE model = ? AND uid = ? AND ${alive}`,
  findByUserCode: `SELECT payload, consumed_at FROM entry WHERE model = ? AND user_code = ? AND ${alive}`,
  consume: 'UPDATE entry SET consumed_at = ? WHERE model = ? AND id = ?',
  destroy: 'DELETE FROM entry WHERE model = ? AND id = ?',
  revokeByGrantId: 'DELETE FROM entry WHERE grant_id = ?',
  purge: 'DELETE FROM entry WHERE expires_at <= ?',
} as const
