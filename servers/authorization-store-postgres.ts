import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import pg from 'pg'
import {
  epochSeconds,
  parsePayload,
  reasonOf,
  type TokenStore,
} from './authorization-store-entry.ts'
import { StartError } from './process.ts'
import { logLine } from './telemetry.ts'

/**
 * Keeps entries in PostgreSQL, in a schema of this process's own that is dropped at the end; schemas that
 * killed processes left behind are dropped after a day. Look-ups are prepared statements on a pool of
 * connections. Throws a StartError when the database cannot be used. Later failures reject: whoever asks
 * about a token then gets no answer, which refuses it.
 */
export async function openPostgresStore(
  url: string,
  password: string | undefined,
): Promise<TokenStore> {
  const schema = `trustbench_${epochSeconds()}_${randomBytes(6).toString('hex')}`
  const pool = new pg.Pool({
    ...partsOf(url),
    ...(password === undefined ? {} : { password }),
    max: mostConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    application_name: 'trustbench authorization',
  })
  // An idle connection that breaks is replaced at the next look-up; unheard, its error would end the process.
  pool.on('error', (error) => {
    logLine(JSON.stringify({ event: 'store_failed', message: reasonOf(error) }))
  })
  try {
    await dropLeftovers(pool)
    await pool.query(schemaOf(schema))
  } catch (error) {
    await pool.end()
    throw new StartError(
      `store ${url} cannot be used (${reasonOf(error)}): start PostgreSQL there with a user who may create schemas, or set another store`,
      { cause: error },
    )
  }
  const statements = statementsOf(schema)
  return {
    adapter: (model) => adapterOf(model, pool, statements),
    async close() {
      try {
        await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
      } finally {
        await pool.end()
      }
    },
  }
}

/** A connection string would set the password to nothing where it has none. */
function partsOf(url: string) {
  const { hostname, port, username, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(username === '' ? {} : { user: decodeURIComponent(username) }),
    ...(pathname.length > 1 ? { database: decodeURIComponent(pathname.slice(1)) } : {}),
  }
}

async function dropLeftovers(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ nspname: string }>(
    String.raw`SELECT nspname FROM pg_namespace WHERE nspname ~ '^trustbench_\d+_[0-9a-f]{12}$'`,
  )
  for (const { nspname } of rows) {
    const createdAt = Number(nspname.split('_')[1])
    if (epochSeconds() - createdAt > leftoverSeconds)
      await pool.query(`DROP SCHEMA IF EXISTS "${nspname}" CASCADE`)
  }
}

type Statements = ReturnType<typeof statementsOf>

function adapterOf(model: string, pool: pg.Pool, statements: Statements): Adapter {
  const run = async (name: keyof Statements, values: readonly unknown[]) => {
    // A name makes it a prepared statement: parsed once for each connection.
    const { rows } = await pool.query<Row>({ name, text: statements[name], values: [...values] })
    return rows[0]
  }
  return {
    async upsert(id, payload, expiresIn) {
      const expiresAt = expiresIn === undefined ? null : epochSeconds() + expiresIn
      const { grantId = null, uid = null, userCode = null } = payload
      const marks = [expiresAt, grantId, uid, userCode]
      await run('upsert', [model, id, JSON.stringify(payload), ...marks])
    },
    find: async (id) => found(await run('find', [model, id, epochSeconds()])),
    findByUid: async (uid) => found(await run('findByUid', [model, uid, epochSeconds()])),
    findByUserCode: async (code) =>
      found(await run('findByUserCode', [model, code, epochSeconds()])),
    async consume(id) {
      await run('consume', [epochSeconds(), model, id])
    },
    async destroy(id) {
      await run('destroy', [model, id])
    },
    async revokeByGrantId(grantId) {
      await run('revokeByGrantId', [grantId])
    },
  }
}

interface Row {
  readonly payload: string
  /** bigint, which pg gives as text. */
  readonly consumed_at: string | null
}

function found(row: Row | undefined): AdapterPayload | undefined {
  if (row === undefined) return undefined
  const payload = parsePayload(row.payload)
  return row.consumed_at === null ? payload : { ...payload, consumed: Number(row.consumed_at) }
}

function schemaOf(schema: string): string {
  return `
    CREATE SCHEMA "${schema}";
    CREATE TABLE "${schema}".entry (
      model TEXT NOT NULL,
      id TEXT NOT NULL,
      payload TEXT NOT NULL,
      expires_at BIGINT,
      grant_id TEXT,
      uid TEXT,
      user_code TEXT,
      consumed_at BIGINT,
      PRIMARY KEY (model, id)
    );
    CREATE INDEX ON "${schema}".entry (grant_id) WHERE grant_id IS NOT NULL;
    CREATE INDEX ON "${schema}".entry (model, uid) WHERE uid IS NOT NULL;
    CREATE INDEX ON "${schema}".entry (model, user_code) WHERE user_code IS NOT NULL;
  `
}

function statementsOf(schema: string) {
  const entry = `"${schema}".entry`
  const alive = '(expires_at IS NULL OR expires_at > $3)'
  return {
    upsert: `INSERT INTO ${entry} (model, id, payload, expires_at, grant_id, uid, user_code)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload,
        expires_at = excluded.expires_at, grant_id = excluded.grant_id, uid = excluded.uid,
        user_code = excluded.user_code, consumed_at = NULL`,
    find: `SELECT payload, consumed_at FROM ${entry} WHERE model = $1 AND id = $2 AND ${alive}`,
    findByUid: `SELECT payload, consumed_at FROM ${entry} WHERE model = $1 AND uid = $2 AND ${alive}`,
    findByUserCode: `SELECT payload, consumed_at FROM ${entry} WHERE model = $1 AND user_code = $2 AND ${alive}`,
    consume: `UPDATE ${entry} SET consumed_at = $1 WHERE model = $2 AND id = $3`,
    destroy: `DELETE FROM ${entry} WHERE model = $1 AND id = $2`,
    revokeByGrantId: `DELETE FROM ${entry} WHERE grant_id = $1`,
  } as const
}

/** As many as introspect at a time without one waiting for another, on a machine of a few cores. */
const mostConnections = 8
const connectTimeoutMs = 2_000
/** Below the patience of a resource server: it is told rather than left waiting. */
const statementTimeoutMs = 2_000
const leftoverSeconds = 86_400
