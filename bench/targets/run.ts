import type { MeasureEvent, OutsideWorld } from '../blocks.ts'
import { readEnvironment } from '../environment.ts'
import { medianUs } from '../load/histogram.ts'
import { pinClient, unpinClient } from '../pinning.ts'
import type { ArmRecord, Block, Run } from '../results.ts'
import { finishInto } from '../run-course.ts'
import { measuringVersion, referenceDigest, type RunOptions } from '../run.ts'
import { startTargetArm, type TargetArm } from './arm.ts'
import { openTargetConnections } from './closed.ts'
import { createDeadline, type Cap, type Deadline } from './caps.ts'
import type { CpuSource } from './cpu.ts'
import { createPace, type Pace } from './pace.ts'
import { preflightTarget, type Checked } from './preflight.ts'
import {
  clientWarnings,
  factsOf,
  recordOf,
  seenOf,
  targetWarnings,
  tokenWarnings,
  type Recorded,
} from './record.ts'
import type { Counted } from './target-sensors.ts'
import { endpointsOf, withToken, type UserTarget } from './target.ts'
import { createTeller } from './teller.ts'
import type { Opening } from './token-plan.ts'
import type { TokenSource } from './tokens.ts'
import type { OfferWindow } from '../windows.ts'

/** A target as something that can be measured, block by block. */
export interface TargetSource {
  readonly id: string
  /** The same for all: they are what is compared, slice by slice. */
  readonly caseId: string
  start(): Promise<TargetArm>
}

/** What a run on targets needs to know. */
export interface TargetRunOptions extends Omit<RunOptions, 'arms' | 'procedure'> {
  readonly targets: readonly UserTarget[]
  readonly connections: number
  readonly timeoutMs: number
  /** What each is sent at most; null: nothing is held back. */
  readonly capOf: (target: UserTarget) => Cap | null
  /** Whether the load ends with the cap's time: where it was not known beforehand that it would. */
  readonly isCutOff: boolean
  /** Who offers windows; default: processes of this machine. */
  readonly offerWindow?: OfferWindow
  /** Clients that took part, where others than this process have them. */
  readonly seenClients?: Recorded['clients']
  /** Told how long an answer took, at most, before anything is planned. */
  readonly procedure: (latencyMs: number) => TargetProcedure
}

/** How the blocks are measured. */
export type TargetProcedure = (
  sources: readonly TargetSource[],
  context: OutsideWorld,
  run: Run,
) => Promise<Block[]>

/**
 * Measures servers that are the user's own, interleaved as arms of the same blocks; the first is what the others
 * are told against. Throws `preflight-failed` unless each answers as expected, before anything is stored.
 */
export async function runOnTargets(options: TargetRunOptions): Promise<Run> {
  await using held = new AsyncDisposableStack()
  const startedAt = new Date().toISOString()
  const ready = await readyAll(options, held)
  const { pinning, warnings } = pinClient()
  try {
    const environment = readEnvironment(options.root, pinning)
    const run: Run = {
      schema: 1,
      measuringVersion,
      runId: options.runId(environment),
      command: [...options.command],
      mode: options.mode,
      startedAt,
      finishedAt: null,
      complete: false,
      incompleteReason: 'still measuring',
      seed: options.seed,
      referenceDigest: referenceDigest(options.root),
      environment,
      arms: ready.map(recordOf),
      blocks: [],
      warnings: [
        ...(options.warnings ?? []),
        ...warnings,
        ...ready.flatMap(({ checked }) => checked.warnings),
        ...targetWarnings(options.targets),
      ],
    }
    options.save(run)
    return await measureInto(run, ready, options)
  } finally {
    if (pinning !== null) unpinClient(pinning)
  }
}

/** A target that has answered, with all that its arms share. */
interface Ready extends Recorded {
  readonly cpu: CpuSource | null
  readonly pace: Pace | null
  readonly deadline: Deadline
  readonly latencyMs: number
}

async function readyAll(options: TargetRunOptions, held: AsyncDisposableStack): Promise<Ready[]> {
  const { targets, timeoutMs, signal, connections, seed, onEvent } = options
  const tell = createTeller((what, done, of) => {
    onEvent({ kind: 'clients', what, done, of })
  })
  const tokensOf = createTokenShare(held, { signal, seed, tell })
  const paceOf = createPaceShare()
  const ready: Ready[] = []
  for (const target of targets) {
    signal.throwIfAborted()
    const tokens = await tokensOf(target)
    const checked = await preflightTarget(target, tokens, { timeoutMs, signal })
    const cap = options.capOf(target)
    ready.push({
      target,
      checked,
      connections,
      cap,
      tokens,
      clients: options.seenClients ?? (() => seenOf(target, tokens)),
      against: ready[0]?.target.label ?? null,
      cpu: (await target.cpu?.open()) ?? null,
      pace: paceOf(cap),
      latencyMs: await latencyOf(target, { tokens, checked, options }),
      deadline: held.use(createDeadline(options.isCutOff ? cap : null)),
    })
  }
  return ready
}

/** What an answer takes when a connection is there; where nothing is planned by it, that of preflight will do. */
async function latencyOf(
  target: UserTarget,
  {
    tokens,
    checked,
    options: { isCutOff, timeoutMs },
  }: {
    readonly tokens: TokenSource | null
    readonly checked: Checked
    readonly options: TargetRunOptions
  },
): Promise<number> {
  if (!isCutOff) return checked.answer.tookMs
  const { label } = target
  const alone = { label, connections: 1, timeoutMs, pace: null }
  using connection = await openTargetConnections([withToken(target, tokens)], alone)
  const { latenciesUs } = await connection.run(latencyRequests)
  return medianUs(latenciesUs) / usPerMs
}

/** One source of tokens for all targets with the same client: one refresh, not one for each. */
function createTokenShare(held: AsyncDisposableStack, opening: Opening) {
  const sources = new Map<string, TokenSource>()
  return async ({ token }: UserTarget): Promise<TokenSource | null> => {
    if (token === null) return null
    const source = sources.get(token.key) ?? held.use(await token.open(opening))
    sources.set(token.key, source)
    return source
  }
}

/** One pace for all that have a cap: they may be names of one host. */
function createPaceShare() {
  let shared: Pace | null = null
  return (cap: Cap | null): Pace | null =>
    cap === null ? null : (shared ??= createPace(cap.ratePerSecond))
}

async function measureInto(
  run: Run,
  ready: readonly Ready[],
  options: TargetRunOptions,
): Promise<Run> {
  const counted: Counted[] = []
  const sources = ready.map((one) => sourceOf(one, options, counted))
  const latencyMs = Math.max(...ready.map((one) => one.latencyMs))
  const procedure = options.procedure(latencyMs)
  const save = (now: Run) => {
    for (const [index, one] of ready.entries()) updateFacts(now.arms[index], one)
    options.save(now)
  }
  const finished = await finishInto(run, { ...options, save }, (context) =>
    procedure(sources, { ...context, onEvent: addCounted(context.onEvent, counted) }, run),
  )
  finished.warnings.push(
    ...ready.flatMap(({ target: { label }, tokens, clients }) => [
      ...tokenWarnings(label, tokens),
      ...(finished.complete ? clientWarnings(label, clients()) : []),
    ]),
  )
  save(finished)
  return finished
}

function updateFacts(arm: ArmRecord | undefined, recorded: Recorded): void {
  if (arm !== undefined) arm.target = factsOf(recorded)
}

/** Puts what was counted over a whole block into it. */
function addCounted(
  onEvent: (event: MeasureEvent) => void,
  counted: Counted[],
): (event: MeasureEvent) => void {
  return (event) => {
    if (event.kind !== 'block-finished' || counted.length === 0) {
      onEvent(event)
      return
    }
    onEvent({ ...event, block: { ...event.block, counted: counted.splice(0) } })
  }
}

function sourceOf(
  { target, tokens, pace, cap, cpu, deadline }: Ready,
  { connections, timeoutMs, offerWindow }: TargetRunOptions,
  counted: Counted[],
): TargetSource {
  const endpoints = endpointsOf(target, tokens)
  return {
    id: target.label,
    caseId: 'target',
    start: () =>
      startTargetArm({
        label: target.label,
        // Of more clients than a block has connections for, the next block has the next.
        endpoints: from(endpoints, target.crowd?.presented?.count() ?? 0),
        connections,
        timeoutMs,
        pace,
        maxRatePerSecond: cap?.ratePerSecond ?? null,
        cpu,
        died: tokens?.lost ?? new AbortController().signal,
        deadline,
        ...(offerWindow === undefined ? {} : { offerWindow }),
        onCounted: (one) => counted.push(one),
      }),
  }
}

/** The same in turn, begun at another. */
function from<T>(list: readonly T[], begin: number): readonly T[] {
  const index = begin % list.length
  return [...list.slice(index), ...list.slice(0, index)]
}

const latencyRequests = 5
const usPerMs = 1_000
