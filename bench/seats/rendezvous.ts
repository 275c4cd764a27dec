import {
  connectRedis,
  inTime,
  reasonOf,
  unusable,
  usualAnswerMs,
  type RedisClient,
} from './client.ts'
import type { RendezvousSettings } from './client.ts'
import { parseJson } from './plan.ts'
import { claimScript, deliverScript, leaveScript, publishScript } from './scripts.ts'

/** What a coordinator tells all its seats. */
export type Notice =
  /** There is a plan, or another than before. */
  | { readonly kind: 'plan' }
  /** Begin at this instant of Redis' clock; without the seats that were not ready when the wait was over. */
  | {
      readonly kind: 'start'
      /** Of the plan that is begun. */
      readonly nonce: string
      readonly atUs: number
      readonly without: readonly number[]
    }
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
  /** False where there is one already; what is left of another of its name goes. */
  publishPlan(plan: string, keepMs: number): Promise<boolean>
  /** Puts another in the place of one's own. */
  replacePlan(plan: string, keepMs: number): Promise<void>
  plan(): Promise<string | null>
  notify(notice: Notice, keepMs: number): Promise<void>
  /** The first notice after the one named, or null when none came in time. */
  notice(after: string, waitMs: number): Promise<Told | null>
  claim(seat: Ticket, ready: string, keepMs: number): Promise<Place>
  leave(seat: Ticket, why: string, keepMs: number): Promise<void>
  /** Not kept where the place is another's by now, or nobody takes results any more. */
  deliver(seat: Ticket, result: string, keepMs: number): Promise<'kept' | 'taken' | 'over'>
  /** By index: that a seat is ready, as it said so. */
  ready(): Promise<Map<number, string>>
  /** By index: since when a seat has been silent, in ms. */
  silence(): Promise<Map<number, number>>
  /** By index: why a seat gave up. */
  failed(): Promise<Map<number, string>>
  results(): Promise<number[]>
  result(index: number): Promise<string>
  /** Removes what seats said so far. */
  clear(): Promise<void>
  /** The same for good: who comes late is told that it is over, until that expires. */
  end(keepMs: number): Promise<void>
}

/** Connects to the rendezvous of a run. Throws `measurement-failed`, here and in all that it does later. */
export async function openRendezvous(
  settings: RendezvousSettings,
  runId: string,
): Promise<Rendezvous> {
  const { client, shown } = await connectRedis(settings)
  const keys = keysOf(runId)
  const { answerMs = usualAnswerMs } = settings
  const guard = async <T>(work: () => Promise<T>, patienceMs = answerMs): Promise<T> => {
    try {
      return await inTime(work(), patienceMs)
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
    publishPlan: async (plan, keepMs) =>
      (await script(publishScript, keyNames, [plan, keepMs])) === 'published',
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
    notice: (after, waitMs) =>
      guard(() => noticeAfter(client, keys.notices, after, waitMs), waitMs + answerMs),
    async claim({ index, ticket }, ready, keepMs) {
      const names = ['seats', 'ready', 'failed', 'start'] as const
      const said = await script(claimScript, names, [index, ticket, ready, keepMs, aliveMs])
      return said === 'yours' || said === 'started' ? said : 'taken'
    },
    async leave({ index, ticket }, why, keepMs) {
      await script(leaveScript, ['seats', 'ready', 'failed'], [index, ticket, why, keepMs])
    },
    async deliver({ index, ticket }, result, keepMs) {
      const names = ['seats', 'results', 'over'] as const
      const said = await script(deliverScript, names, [index, ticket, result, keepMs])
      return said === 'kept' || said === 'over' ? said : 'taken'
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
    end: (keepMs) =>
      guard(async () => {
        await client
          .multi()
          .set(keys.over, 1, { expiration: { type: 'PX', value: keepMs } })
          .unlink([keys.results, keys.ready, keys.seats])
          .exec()
      }),
    [Symbol.asyncDispose]() {
      // All that matters was awaited; a Redis that says nothing would be waited for without end.
      if (client.isOpen) client.destroy()
      return Promise.resolve()
    },
  }
}

const keyNames = [
  ...(['plan', 'seats', 'ready', 'failed', 'start', 'notices', 'results', 'over'] as const),
]
type KeyName = (typeof keyNames)[number]

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
    over: key('over'),
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
      const nonce = 'nonce' in value ? String(value.nonce) : ''
      return { kind: 'start', nonce, atUs: value.atUs, without: without.map(Number) }
    }
    if (value.kind === 'abort' && 'why' in value) return { kind: 'abort', why: cleaned(value.why) }
  }
  return { kind: 'abort', why: 'a notice that is none was found' }
}

/** What somebody else wrote, as it may be printed: one line of no more than a sentence. */
export function cleaned(why: unknown): string {
  return String(why)
    .slice(0, longestWords)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
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
const longestWords = 400
const usPerMs = 1_000
const usPerSecond = 1e6
