import { connectRedis, reasonOf, unusable, type RedisClient } from './client.ts'
import type { RendezvousSettings } from './client.ts'
import { parseJson } from './plan.ts'
import { claimScript, deliverScript, leaveScript } from './scripts.ts'

/** What a coordinator tells all its seats. */
export type Notice =
  /** There is a plan, or another than before. */
  | { readonly kind: 'plan' }
  /** Begin at this instant of Redis' clock; without the seats that were not ready when the wait was over. */
  | { readonly kind: 'start'; readonly atUs: number; readonly without: readonly number[] }
  | { readonly kind: 'abort'; readonly why: string }

/** A notice and its place in the order of all. */
export interface Told {
  readonly id: string
  readonly notice: Notice
}

/** Whose a place is: this process's, another's that lives, or nobody's any more. */
export type Place = 'yours' | 'taken' | 'started'

/** A seat of a run, by its place and a word that no other process has. */
export interface Ticket {
  readonly index: number
  readonly ticket: string
}

/** Everything that coordinator and seats of one run say to each other: a few keys, all of which expire. */
export interface Rendezvous extends AsyncDisposable {
  /** Where it is, without password. */
  readonly shown: string
  /** Whether it was not given up yet. */
  isOpen(): boolean
  timeUs(): Promise<number>
  /** False where there is one already. */
  publishPlan(plan: string, keepMs: number): Promise<boolean>
  /** Puts another in the place of one's own. */
  replacePlan(plan: string, keepMs: number): Promise<void>
  plan(): Promise<string | null>
  notify(notice: Notice, keepMs: number): Promise<void>
  /** The first notice after the one named, or null when none came in time. */
  notice(after: string, waitMs: number): Promise<Told | null>
  claim(seat: Ticket, ready: string, keepMs: number): Promise<Place>
  leave(seat: Ticket, why: string, keepMs: number): Promise<void>
  /** False where the place is another's by now. */
  deliver(seat: Ticket, result: string, keepMs: number): Promise<boolean>
  /** By index: that a seat is ready, as it said so. */
  ready(): Promise<Map<number, string>>
  /** By index: since when a seat has been silent, in ms. */
  silence(): Promise<Map<number, number>>
  /** By index: why a seat gave up. */
  failed(): Promise<Map<number, string>>
  results(): Promise<number[]>
  result(index: number): Promise<string>
  /** Removes what is large; the rest tells who comes late that it is over, until it expires. */
  clear(): Promise<void>
}

/** Connects to the rendezvous of a run. Throws `measurement-failed`, here and in all that it does later. */
export async function openRendezvous(
  settings: RendezvousSettings,
  runId: string,
): Promise<Rendezvous> {
  const { client, shown } = await connectRedis(settings)
  const keys = keysOf(runId)
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw unusable(shown, reasonOf(error), error)
    }
  }
  const script = (text: string, names: readonly KeyName[], args: readonly (string | number)[]) =>
    guard(async () => {
      const known = { keys: names.map((name) => keys[name]), arguments: args.map(String) }
      const said: unknown = await client.eval(text, known)
      return typeof said === 'string' ? said : ''
    })
  const byIndex = (name: KeyName) => guard(async () => numbered(await client.hGetAll(keys[name])))
  return {
    shown,
    isOpen: () => client.isOpen,
    timeUs: () => guard(() => timeOf(client)),
    publishPlan: (plan, keepMs) =>
      guard(async () => {
        const options = { condition: 'NX', expiration: { type: 'PX', value: keepMs } } as const
        return (await client.set(keys.plan, plan, options)) !== null
      }),
    replacePlan: (plan, keepMs) =>
      guard(async () => {
        await client.set(keys.plan, plan, { expiration: { type: 'PX', value: keepMs } })
      }),
    plan: () => guard(() => client.get(keys.plan)),
    notify: (notice, keepMs) =>
      guard(async () => {
        const change = client.multi()
        if (notice.kind === 'start')
          change.set(keys.start, notice.atUs, { expiration: { type: 'PX', value: keepMs } })
        await change
          .xAdd(keys.notices, '*', { notice: JSON.stringify(notice) })
          .pExpire(keys.notices, keepMs)
          .exec()
      }),
    notice: (after, waitMs) => guard(() => noticeAfter(client, keys.notices, after, waitMs)),
    async claim({ index, ticket }, ready, keepMs) {
      const names = ['seats', 'ready', 'failed', 'start'] as const
      const said = await script(claimScript, names, [index, ticket, ready, keepMs, aliveMs])
      return said === 'yours' || said === 'started' ? said : 'taken'
    },
    async leave({ index, ticket }, why, keepMs) {
      await script(leaveScript, ['seats', 'ready', 'failed'], [index, ticket, why, keepMs])
    },
    async deliver({ index, ticket }, result, keepMs) {
      const names = ['seats', 'results'] as const
      return (await script(deliverScript, names, [index, ticket, result, keepMs])) === 'kept'
    },
    ready: () => byIndex('ready'),
    failed: () => byIndex('failed'),
    async silence() {
      const nowMs = (await guard(() => timeOf(client))) / usPerMs
      const beats = await byIndex('seats')
      return new Map([...beats].map(([index, beat]) => [index, nowMs - beatOf(beat)]))
    },
    results: () => guard(async () => (await client.hKeys(keys.results)).map(Number)),
    result: (index) => guard(async () => (await client.hGet(keys.results, String(index))) ?? ''),
    clear: () =>
      guard(async () => {
        await client.unlink([keys.results, keys.ready, keys.seats])
      }),
    async [Symbol.asyncDispose]() {
      if (!client.isOpen) return
      // What was sent is finished; of a Redis that is away nothing is waited for.
      if (client.isReady) await client.close().catch(() => undefined)
      else client.destroy()
    },
  }
}

type KeyName = 'plan' | 'seats' | 'ready' | 'failed' | 'start' | 'notices' | 'results'

/** All in one slot of a cluster, by the braces. */
function keysOf(runId: string): Readonly<Record<KeyName, string>> {
  const key = (name: KeyName) => `trustbench:{${runId}}:${name}`
  return {
    plan: key('plan'),
    seats: key('seats'),
    ready: key('ready'),
    failed: key('failed'),
    start: key('start'),
    notices: key('notices'),
    results: key('results'),
  }
}

async function timeOf(client: RedisClient): Promise<number> {
  const [seconds, microseconds] = await client.time()
  return Number(seconds) * usPerSecond + Number(microseconds)
}

async function noticeAfter(
  client: RedisClient,
  key: string,
  id: string,
  waitMs: number,
): Promise<Told | null> {
  // A wait of 0 would be one without end.
  const options = { BLOCK: Math.max(1, Math.ceil(waitMs)), COUNT: 1 }
  const streams: readonly StreamEntries[] | null = await client.xRead({ key, id }, options)
  const [entry] = streams?.[0]?.messages ?? []
  return entry === undefined
    ? null
    : { id: entry.id, notice: parseNotice(entry.message['notice'] ?? '') }
}

/** What the client makes of a stream. */
interface StreamEntries {
  readonly messages: readonly {
    readonly id: string
    readonly message: Readonly<Record<string, string>>
  }[]
}

function parseNotice(written: string): Notice {
  const value = parseJson(written)
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    if (value.kind === 'plan') return { kind: 'plan' }
    if (value.kind === 'start' && 'atUs' in value && typeof value.atUs === 'number') {
      const without = 'without' in value && Array.isArray(value.without) ? value.without : []
      return { kind: 'start', atUs: value.atUs, without: without.map(Number) }
    }
    if (value.kind === 'abort' && 'why' in value) return { kind: 'abort', why: String(value.why) }
  }
  return { kind: 'abort', why: 'a notice that is none was found' }
}

/** Fields that are indices; of others, which somebody else wrote, nothing is known. */
function numbered(fields: Readonly<Record<string, string>>): Map<number, string> {
  const known = Object.entries(fields).filter(([field]) => /^\d{1,5}$/.test(field))
  return new Map(known.map(([field, value]) => [Number(field), value]))
}

function beatOf(beat: string): number {
  return Number(beat.split(' ')[1] ?? 0)
}

/** A seat is given up for dead when nothing was heard of it for so long; it is heard of every second or two. */
export const aliveMs = 6_000
/** How often a seat says that it is there. */
export const beatMs = 2_000
const usPerMs = 1_000
const usPerSecond = 1e6
