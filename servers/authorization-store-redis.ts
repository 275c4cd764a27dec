import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { createClient } from 'redis'
import {
  epochSeconds,
  parsePayload,
  reasonOf,
  type TokenStore,
} from './authorization-store-entry.ts'
import { StartError } from './process.ts'
import { logLine } from './telemetry.ts'

/**
 * Keeps entries in Redis: one hash each, which Redis lets expire, so that a look-up is one round trip. All
 * keys begin with a name of this process's own and are removed at the end; what a killed process leaves
 * behind expires. Throws a StartError when Redis cannot be reached. Later failures reject: whoever asks
 * about a token then gets no answer, which refuses it.
 */
export async function openRedisStore(
  url: string,
  password: string | undefined,
): Promise<TokenStore> {
  const prefix = `trustbench:${randomBytes(8).toString('hex')}:`
  let isOpen = false
  const client = connectionTo({
    url,
    ...(password === undefined ? {} : { password }),
    // Waiting for a server that is gone would hold every request.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (attempts) =>
        isOpen ? Math.min(attempts * reconnectStepMs, mostReconnectMs) : false,
    },
  })
  client.on('error', (error: Error) => {
    if (isOpen) logLine(JSON.stringify({ event: 'store_failed', message: reasonOf(error) }))
  })
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    client.destroy()
    throw new StartError(
      `store ${url} cannot be used (${reasonOf(error)}): start Redis there, or set another store`,
      { cause: error },
    )
  }
  isOpen = true
  return {
    adapter: (model) => adapterOf(model, client, prefix),
    async close() {
      if (!client.isReady) {
        client.destroy()
        return
      }
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1_000 }))
        if (keys.length > 0) await client.unlink(keys)
      await client.close()
    },
  }
}

type Client = ReturnType<typeof connectionTo>

/** With the types that its options have, which differ from those of an unknown client. */
function connectionTo(options: Parameters<typeof createClient>[0]) {
  return createClient(options)
}

function adapterOf(model: string, client: Client, prefix: string): Adapter {
  const entryKey = (id: string) => `${prefix}entry:${model}:${id}`
  const indexKey = (kind: 'uid' | 'userCode', value: string) => `${prefix}${kind}:${model}:${value}`
  const grantKey = (grantId: string) => `${prefix}grant:${grantId}`

  const read = async (key: string): Promise<AdapterPayload | undefined> => {
    const [payload, consumed] = await client.hmGet(key, ['payload', 'consumed'])
    if (payload == null) return undefined
    return {
      ...parsePayload(payload),
      ...(consumed == null ? {} : { consumed: Number(consumed) }),
    }
  }
  const readBy = async (kind: 'uid' | 'userCode', value: string) => {
    const id = await client.get(indexKey(kind, value))
    const payload = id === null ? undefined : await read(entryKey(id))
    // An index may be older than its entry: it then points to what has another value by now.
    return payload?.[kind] === value ? payload : undefined
  }
  return {
    async upsert(id, payload, expiresIn) {
      const seconds = expiresIn ?? leftoverSeconds
      const key = entryKey(id)
      const { uid, userCode, grantId } = payload
      const change = client
        .multi()
        .del(key)
        .hSet(key, { payload: JSON.stringify(payload) })
        .expire(key, seconds)
      if (uid !== undefined) change.set(indexKey('uid', uid), id, { EX: seconds })
      if (userCode !== undefined) change.set(indexKey('userCode', userCode), id, { EX: seconds })
      if (grantId !== undefined)
        change.sAdd(grantKey(grantId), key).expire(grantKey(grantId), seconds)
      await change.exec()
    },
    find: (id) => read(entryKey(id)),
    findByUid: (uid) => readBy('uid', uid),
    findByUserCode: (code) => readBy('userCode', code),
    async consume(id) {
      const key = entryKey(id)
      if ((await client.exists(key)) === 1) await client.hSet(key, { consumed: epochSeconds() })
    },
    async destroy(id) {
      await client.del(entryKey(id))
    },
    async revokeByGrantId(grantId) {
      for (const key of await client.sMembers(grantKey(grantId))) {
        if ((await read(key))?.grantId === grantId) await client.del(key)
      }
      await client.del(grantKey(grantId))
    },
  }
}

const connectTimeoutMs = 2_000
const reconnectStepMs = 50
const mostReconnectMs = 500
/** A day: what has no time of its own must not stay in somebody's Redis for ever. */
const leftoverSeconds = 86_400
