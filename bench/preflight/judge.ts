import type { Refusal } from '../results.ts'
import type { Answer } from './attack.ts'
import { describeAnswer, describeExpectation, errorOf } from './attempt.ts'
import type { Attempt, Counted, Expectation, Probe } from './attempt.ts'
import { entryOf } from './catalogue.ts'

/** Against whom attempts are judged. */
export interface Bench {
  /** How long the log of a refusal is waited for; default: 1 s. */
  readonly settleLimitMs?: number
  /**
   * Somebody else's product: what it logs is its own affair, what it cannot do is not tried, and a row that
   * did not pass says which of three things it was.
   */
  readonly isProduct?: boolean
}

/** The row of an attempt, and how many of its controls passed. */
export interface Judged {
  readonly refusal: Refusal
  readonly controlsPassed: number
}

/**
 * Tries attempts in their order and judges each strictly: the expected outcome, no handler call, and a
 * reason in the log of whoever refused. An attempt whose good credential is refused proves nothing and
 * fails too.
 */
export async function judgeAll(
  attempts: readonly Attempt[],
  { settleLimitMs = defaultSettleLimitMs, isProduct = false }: Bench = {},
): Promise<Judged[]> {
  await Promise.all(attempts.map(async ({ prepare }) => prepare?.()))
  const inOrder = (order: Attempt['order']) => attempts.filter((each) => each.order === order)
  const aged = inOrder('aged')
  const controls = new Map<Probe, string | null>()
  for (const probe of aged.flatMap(({ probes }) => probes)) {
    controls.set(probe, await judgeControl(probe, isProduct))
  }
  const judged = new Map<Attempt, Judged>()
  for (const attempt of [...inOrder(undefined), ...inOrder('last'), ...aged]) {
    judged.set(attempt, await judge(attempt, { controls, settleLimitMs, isProduct }))
  }
  return attempts.flatMap((attempt) => judged.get(attempt) ?? [])
}

async function judge(
  { id, probes, entry = entryOf(id) }: Attempt,
  setting: Setting,
): Promise<Judged> {
  const { controls, isProduct } = setting
  const tried: Tried[] = []
  let controlsPassed = 0
  for (const probe of probes) {
    const known = controls.get(probe)
    const fault = known === undefined ? await judgeControl(probe, isProduct) : known
    if (fault === null) controlsPassed += 1
    tried.push(fault === null ? await tryOrTell(probe, setting) : { ...untried(probe), fault })
  }
  const gap = isProduct ? worstOf(tried) : null
  const { kind, describe } = entry
  return {
    controlsPassed,
    refusal: {
      id,
      kind,
      sameAs: [],
      describe,
      expected: joined(probes.map(({ expected }) => describeExpectation(expected))),
      outcome: summarise(tried),
      passed: tried.every(({ fault }) => fault === null),
      handlerCalls: tried.reduce((sum, { handlerCalls }) => sum + handlerCalls, 0),
      reasons: [...new Set(tried.flatMap(({ reasons }) => reasons))],
      ...(gap === null ? {} : { gap }),
    },
  }
}

interface Setting {
  /** Verdicts on controls that have been tried already. */
  readonly controls: ReadonlyMap<Probe, string | null>
  readonly settleLimitMs: number
  readonly isProduct: boolean
}

type Gap = NonNullable<Refusal['gap']>

/** What came of one probe. */
interface Tried {
  readonly variant: string | undefined
  readonly outcome: string
  /** Null when it was answered as it must be. */
  readonly fault: string | null
  readonly handlerCalls: number
  readonly reasons: readonly string[]
  /** Of a fault: which kind it is. */
  readonly gap: Gap
}

/** The gravest fault of an attempt; null where there is none. */
function worstOf(tried: readonly Tried[]): Gap | null {
  const gaps = tried.flatMap(({ fault, gap }) => (fault === null ? [] : [gap]))
  return (
    (['accepted', 'refused otherwise', 'not tried'] as const).find((gap) => gaps.includes(gap)) ??
    null
  )
}

async function judgeControl({ control }: Probe, isProduct: boolean): Promise<string | null> {
  const answer = await orReason(control, isProduct)
  if (typeof answer === 'string') return answer
  if (isAccepted(answer)) return null
  const seen = answer.kind === 'response' ? String(answer.status) : answer.kind
  return `the good credential was answered ${seen}`
}

/** What a product cannot be made to do, as to take over other trust, is told and not tried. */
async function tryOrTell(probe: Probe, setting: Setting): Promise<Tried> {
  const tried = await orReason(() => tryBad(probe, setting), setting.isProduct)
  return typeof tried === 'string' ? { ...untried(probe), fault: tried } : tried
}

/** What comes of it, or why nothing did; errors of our own servers are thrown. */
async function orReason<T>(attempt: () => Promise<T>, isProduct: boolean): Promise<T | string> {
  try {
    return await attempt()
  } catch (error) {
    if (!isProduct || !(error instanceof Error)) throw error
    return `not tried: ${error.message}`
  }
}

async function tryBad(probe: Probe, { settleLimitMs, isProduct }: Setting): Promise<Tried> {
  const { variant, counted, bad, expected, also, note } = probe
  const before = await counted.snapshot()
  const answer = await bad()
  const limitMs = isLogged(answer, expected) ? settleLimitMs : 0
  const after = await settled(counted, before, limitMs)
  const handlerCalls = after.handlerCalls - before.handlerCalls
  const reasons = [
    ...Object.keys(after.refusals).filter(
      (reason) => (after.refusals[reason] ?? 0) > (before.refusals[reason] ?? 0),
    ),
    ...clientReasons(answer, expected),
  ]
  const outcome = describeAnswer(answer, expected)
  const fault =
    faultOf({ answer, expected, outcome, handlerCalls, reasons, isProduct }) ??
    (await also?.()) ??
    null
  const told = note === undefined ? outcome : `${outcome} (${note()})`
  const gap = isAccepted(answer) || handlerCalls > 0 ? 'accepted' : 'refused otherwise'
  return { variant, outcome: told, fault, handlerCalls, reasons, gap }
}

function faultOf(seen: {
  answer: Answer
  expected: Expectation
  outcome: string
  handlerCalls: number
  reasons: readonly string[]
  isProduct: boolean
}): string | null {
  const { answer, expected, outcome, handlerCalls, reasons, isProduct } = seen
  if (expected.kind === 'recorded') return answer.kind === 'silent' ? outcome : null
  if (!isAsExpected(answer, expected)) return outcome
  if (handlerCalls > 0) return `${outcome}, but the handler ran`
  if (isProduct || reasons.some((reason) => expected.reasons.includes(reason))) return null
  return `${outcome}, logged ${reasons.join(', ') || 'nothing'} instead of ${expected.reasons.join(', ')}`
}

function isAsExpected(answer: Answer, expected: Expectation): boolean {
  if (expected.kind !== 'response') return answer.kind === 'closed'
  if (answer.kind !== 'response' || answer.status !== expected.status) return false
  // A 401 without a challenge breaks RFC 9110 section 15.5.2.
  if (answer.status === 401 && !/^(?:Bearer|DPoP)\b/.test(answer.challenge ?? '')) return false
  return errorOf(answer) === expected.error
}

/** Why our own client hung up: the phrase expected, out of OpenSSL's sentence with its ports and file names. */
function clientReasons(answer: Answer, expected: Expectation): string[] {
  if (expected.kind !== 'client' || answer.kind !== 'closed') return []
  const phrase = expected.reasons.find((part) => answer.code.includes(part))
  return [phrase ?? answer.code.replaceAll(/\s+/g, ' ')]
}

/** Whether the server has to log such an answer: not what it accepts or our own client refuses. */
function isLogged(answer: Answer, { kind }: Expectation): boolean {
  return (kind === 'handshake' || kind === 'response') && !isAccepted(answer)
}

function isAccepted(answer: Answer): boolean {
  return answer.kind === 'response' && answer.status < 300
}

/** A refused handshake reaches the client before the server's log: asks until a refusal is counted. */
async function settled(counted: Counted, before: Counts, limitMs: number): Promise<Counts> {
  const giveUpAtMs = performance.now() + limitMs
  for (;;) {
    const after = await counted.snapshot()
    if (total(after) > total(before) || performance.now() >= giveUpAtMs) return after
  }
}

type Counts = Awaited<ReturnType<Counted['snapshot']>>

function total({ refusals }: Counts): number {
  return Object.values(refusals).reduce((sum, count) => sum + count, 0)
}

function untried({ variant }: Probe): Tried {
  return {
    variant,
    outcome: 'not tried',
    fault: null,
    handlerCalls: 0,
    reasons: [],
    gap: 'not tried',
  }
}

/** The faults by variant, or what all probes came to. */
function summarise(tried: readonly Tried[]): string {
  const faults = tried.flatMap(({ variant, fault }) =>
    fault === null ? [] : [variant === undefined ? fault : `${variant}: ${fault}`],
  )
  return faults.length > 0 ? faults.join('; ') : joined(tried.map(({ outcome }) => outcome))
}

function joined(texts: readonly string[]): string {
  return [...new Set(texts)].join(', ')
}

/** A process that has logged nothing by then will not, not even on a busy machine. */
const defaultSettleLimitMs = 1_000
