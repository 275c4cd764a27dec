import { createClient } from 'redis'
import { BenchError } from '../errors.ts'

/** Where seats meet, as options and environment say it. */
export interface RendezvousSettings {
  /** redis:// or rediss://, perhaps with a user, a password and the number of a database. */
  readonly url: string
  /** Instead of one in the URL. */
  readonly password: string | null
  /** PEM of the anchors by which a rediss:// server is judged; null: those of Node. */
  readonly ca: string | null
  /** How long it may take to answer; default: 5 s. */
  readonly answerMs?: number
}

/** A connection to Redis, and how it is told of. */
export interface RedisConnection {
  readonly client: RedisClient
  /** Without user and password. */
  readonly shown: string
}

export type RedisClient = ReturnType<typeof clientOf>

/** A URL of a rendezvous; throws usage errors that repeat no secret. */
export function parseRendezvous(text: string): URL {
  const url = URL.parse(text)
  const isRedis = url?.protocol === 'redis:' || url?.protocol === 'rediss:'
  if (url !== null && isRedis && url.hostname !== '' && /^(\/\d*)?$/.test(url.pathname)) return url
  throw new BenchError(
    'usage',
    '--rendezvous: not the URL of a Redis, expected redis://HOST:PORT or rediss://HOST:PORT',
  )
}

/** A URL without user, password and anything behind a question mark. */
export function shownRendezvous(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
}

/** Connects once, and again by itself when the connection is lost later. Throws `measurement-failed`, one line. */
export async function connectRedis(settings: RendezvousSettings): Promise<RedisConnection> {
  const url = parseRendezvous(settings.url)
  const shown = shownRendezvous(url)
  let isOpen = false
  const client = clientOf(url, settings, (attempts) =>
    isOpen ? Math.min(attempts * reconnectStepMs, mostReconnectMs) : false,
  )
  // What is lost is told by the command that fails.
  client.on('error', () => undefined)
  const open = async () => {
    await client.connect()
    await client.ping()
  }
  try {
    await inTime(open(), settings.answerMs ?? usualAnswerMs)
  } catch (error) {
    client.destroy()
    throw unusable(shown, redact(reasonOf(error), url, settings), error)
  }
  isOpen = true
  return { client, shown }
}

/** The answer, if it comes in time: a Redis that was frozen, or that nothing reaches, would hold whoever asks. */
export async function inTime<T>(answer: Promise<T>, answerMs: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer within ${answerMs / 1_000} s`))
  }, answerMs)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
    answer.catch(() => undefined)
  }
}

/** What is told where Redis cannot be used. */
export function unusable(shown: string, why: string, cause: unknown): BenchError {
  return new BenchError(
    'measurement-failed',
    `--rendezvous ${shown}: cannot be used (${why}): is it there, and its password in TRUSTBENCH_RENDEZVOUS or --rendezvous-password-file?`,
    { cause },
  )
}

/** The reason of a failure in one line; of several, as of two addresses, the first. */
export function reasonOf(error: unknown): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  const text = inner instanceof Error ? inner.message || inner.name : String(inner)
  return text.replaceAll(/\s+/g, ' ').trim()
}

function clientOf(
  url: URL,
  { password, ca }: RendezvousSettings,
  reconnectStrategy: (attempts: number) => number | false,
) {
  const own = password ?? decodeURIComponent(url.password)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket = {
    host,
    port: url.port === '' ? usualPort : Number(url.port),
    connectTimeout: connectTimeoutMs,
    reconnectStrategy,
  }
  const isTls = url.protocol === 'rediss:'
  return createClient({
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(own === '' ? {} : { password: own }),
    database: Number(url.pathname.slice(1)),
    // Waiting for a server that is gone would hold whoever asks.
    disableOfflineQueue: true,
    // A seat keeps silent while it measures.
    maintNotifications: 'disabled',
    socket: isTls ? { ...socket, tls: true, ...(ca === null ? {} : { ca }) } : socket,
  })
}

/** Whatever a message repeats, a password is not part of it. */
function redact(text: string, url: URL, { password }: RendezvousSettings): string {
  const secrets = [password, url.password, decodeURIComponent(url.password)]
  return secrets.reduce<string>(
    (told, secret) => (secret === null || secret === '' ? told : told.replaceAll(secret, '…')),
    text,
  )
}

const usualPort = 6_379
const connectTimeoutMs = 5_000
/** For an answer, where nothing else is said. */
export const usualAnswerMs = 5_000
const reconnectStepMs = 50
const mostReconnectMs = 500
