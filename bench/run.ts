import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { startArm, type StartedArm } from './arm.ts'
import { requestDigest } from './arm-targets.ts'
import type { PlannedArm } from './arms.ts'
import type { MeasureEvent, OutsideWorld } from './blocks.ts'
import { readEnvironment } from './environment.ts'
import { BenchError } from './errors.ts'
import { caveatOf, gapWarning, gatewayOf, gatewayVersions, obstacleOf } from './gateways.ts'
import { createLab, type Lab } from './lab.ts'
import { measure, type ArmSource, type Plan } from './measure.ts'
import { pinClient, unpinClient, type Pinning } from './pinning.ts'
import { failuresOf, preflight } from './preflight.ts'
import { createServerStarter, type StartServer } from './processes.ts'
import type { ArmRecord, Block, Mode, Preflight, Run, Warning } from './results.ts'
import { takeUp } from './resume.ts'
import type { Case } from './scenario.ts'

/** Everything a run needs to know before it starts. */
export interface RunOptions {
  readonly root: string
  readonly runId: (environment: Run['environment']) => string
  readonly command: readonly string[]
  readonly mode: Mode
  readonly seed: number
  readonly procedure: Procedure
  readonly arms: readonly PlannedArm[]
  /** What was found before the run and its reader must know. */
  readonly warnings?: readonly Warning[]
  /** An earlier run of the same arms whose preflights still stand. */
  readonly checkedIn?: Run
  /** A run that was interrupted: its finished blocks are kept, and it goes on. */
  readonly resumed?: Run
  readonly signal: AbortSignal
  readonly onEvent: (event: RunEvent) => void
  /** Awaited before each block, when nothing is measured. */
  readonly betweenBlocks?: () => Promise<void>
  /** Awaited before each window of an open loop. */
  readonly beforeWindow?: () => Promise<void>
  /** Called after preflight, after each block and at the end. */
  readonly save: (run: Run) => void
}

/** How the blocks of a run are measured; `run` holds those that are done. */
export type Procedure = (
  sources: readonly RunSource[],
  context: OutsideWorld,
  run: Run,
) => Promise<Block[]>

/** An arm of a run, of which slices and windows can be measured. */
export interface RunSource extends ArmSource {
  start(): Promise<StartedArm>
}

/** Interleaved slices in closed loops, until they are precise enough. */
export function closedLoops(
  plan: Plan,
  preciseEnough: (run: Run) => boolean,
): Pick<RunOptions, 'seed' | 'procedure'> {
  return {
    seed: plan.seed,
    procedure: (sources, context, run) =>
      measure(sources, plan, { ...context, preciseEnough: () => preciseEnough(run) }),
  }
}

/** What a run tells while it goes on. */
export type RunEvent =
  | MeasureEvent
  | { readonly kind: 'preflight-started'; readonly caseId: string }
  | { readonly kind: 'preflight-finished'; readonly caseId: string; readonly preflight: Preflight }

/**
 * One measuring session: preflight of every case on processes of its own, then blocks. Returns the
 * run, also when it is incomplete or a case failed: that is data. Throws only what keeps it from
 * starting.
 */
export async function runBench(options: RunOptions): Promise<Run> {
  const { signal, arms } = options
  await using start = createServerStarter(signal)
  await using labs = new AsyncDisposableStack()
  const labOf = createLabs(labs)
  const startedAt = new Date().toISOString()
  const { checked, skipped } = await preflightAll(options, start.server)
  const { pinning, warnings } = pinClient()
  try {
    const environment = readEnvironment(options.root, pinning)
    Object.assign(environment.packages, gatewayVersions(arms.map((arm) => arm.case)))
    const begun: Run = {
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
      arms: arms.map((arm) => {
        const key = preflightKey(arm)
        return recordOf(arm, checked.get(key), skipped.get(key) ?? null)
      }),
      blocks: [],
      warnings: [...(options.warnings ?? []), ...warnings],
    }
    const run = options.resumed === undefined ? begun : takeUp(options.resumed, begun)
    const failed = run.arms.find((arm) => arm.outcome === 'failed')
    if (failed !== undefined) return finish(run, `${failed.caseId}: ${failed.reason ?? 'failed'}`)
    if (signal.aborted) return finish(run, 'interrupted')
    const measurable = arms.filter((arm) => !skipped.has(preflightKey(arm)))
    // A run of primitives alone has no case to begin with.
    const cases = arms.filter(({ role }) => role === 'case')
    if (cases.length > 0 && !cases.some((arm) => measurable.includes(arm)))
      return finish(run, skipReasons(run))
    options.save(run)
    const sources = measurable.map((arm) =>
      sourceOf({ arm, run, pinning, labOf, start: start.server }),
    )
    return await finishInto(run, options, (context) => options.procedure(sources, context, run))
  } finally {
    if (pinning !== null) unpinClient(pinning)
  }
}

/** Version of the measuring procedure; a change that moves figures raises it. */
export const measuringVersion = 2

/** Measures into a run, saving it after each block, and says how it ended. */
export async function finishInto(
  run: Run,
  options: Pick<RunOptions, 'signal' | 'onEvent' | 'betweenBlocks' | 'beforeWindow' | 'save'>,
  procedure: (context: OutsideWorld) => Promise<Block[]>,
): Promise<Run> {
  const onEvent = (event: MeasureEvent) => {
    if (event.kind === 'block-finished') {
      run.blocks.push(event.block)
      options.save(run)
    }
    options.onEvent(event)
  }
  const [startWallMs, startMs] = [Date.now(), performance.now()]
  await procedure({
    done: [...run.blocks],
    signal: options.signal,
    onEvent,
    ...(options.betweenBlocks === undefined ? {} : { betweenBlocks: options.betweenBlocks }),
    ...(options.beforeWindow === undefined ? {} : { beforeWindow: options.beforeWindow }),
    nowMs: () => performance.now(),
    timestamp: () => new Date().toISOString(),
  })
  run.warnings.push(...clockWarnings(Date.now() - startWallMs, performance.now() - startMs))
  const failed = run.blocks.find((block) => block.outcome === 'failed')
  const measured = run.blocks.some((block) => block.outcome === 'measured')
  for (const arm of run.arms) if (!isSkipped(arm)) arm.outcome = measured ? 'measured' : 'failed'
  const reason = options.signal.aborted ? 'interrupted' : (failed?.reason ?? null)
  const finished = finish(run, reason)
  options.save(finished)
  return finished
}

/** Left out from the start, with the reason; until they are measured, the others have none. */
function isSkipped({ outcome, reason }: ArmRecord): boolean {
  return outcome === 'skipped' && reason !== null
}

function skipReasons({ arms }: Run): string {
  return [...new Set(arms.flatMap((arm) => (isSkipped(arm) ? (arm.reason ?? []) : [])))].join('; ')
}

/** Every figure is from a monotonic clock; but tokens, certificates and time stamps are not. */
export function clockWarnings(wallMs: number, monotonicMs: number): Run['warnings'] {
  const jumpMs = Math.round(wallMs - monotonicMs)
  if (Math.abs(jumpMs) < clockToleranceMs) return []
  return [
    {
      code: 'clock-jumped',
      message: `the wall clock was set ${jumpMs > 0 ? 'forward' : 'back'} by ${Math.abs(jumpMs)} ms while blocks ran; durations are from a monotonic clock and hold`,
      advice: 'let time synchronisation settle, then measure again if a block failed',
    },
  ]
}

function finish(run: Run, incompleteReason: string | null): Run {
  run.finishedAt = new Date().toISOString()
  run.complete = incompleteReason === null
  run.incompleteReason = incompleteReason
  return run
}

/**
 * Preflight once for each case of a tree: two arms of one are equal by construction. Two at a time, since
 * each spends most of its time waiting for a token to expire.
 */
async function preflightAll(
  { arms, checkedIn, signal, onEvent }: RunOptions,
  start: StartServer,
): Promise<Preflights> {
  const checked = new Map<string, Preflight>()
  const skipped = new Map<string, string>()
  for (const arm of arms) {
    const known = checkedIn?.arms.find(({ id }) => id === arm.id)?.preflight
    if (known != null) checked.set(preflightKey(arm), known)
  }
  const distinct = new Map(arms.map((arm) => [preflightKey(arm), arm]))
  // One iterator for all workers: each takes the next that nobody has.
  const queue = distinct.entries()
  const work = async () => {
    for (const [key, { case: trial, tree }] of queue) {
      if (checked.has(key)) continue
      const obstacle = obstacleOf(trial)
      if (obstacle !== null) {
        skipped.set(key, obstacle)
        continue
      }
      onEvent({ kind: 'preflight-started', caseId: trial.id })
      signal.throwIfAborted()
      const outcome = await preflightOrReason(trial, (options) =>
        start({ ...options, sourceRoot: tree.root }),
      )
      if (typeof outcome === 'string') {
        skipped.set(key, outcome)
        continue
      }
      checked.set(key, outcome)
      onEvent({ kind: 'preflight-finished', caseId: trial.id, preflight: outcome })
    }
  }
  await Promise.all(Array.from({ length: preflightsAtOnce }, work))
  return { checked, skipped }
}

/** Outcomes by arm, and why there is none for those that cannot be measured here. */
interface Preflights {
  readonly checked: ReadonlyMap<string, Preflight>
  readonly skipped: ReadonlyMap<string, string>
}

/** A product that cannot do the case at all is left out, with the reason; a server of ours must. */
async function preflightOrReason(trial: Case, start: StartServer): Promise<Preflight | string> {
  try {
    return await preflight(trial, start)
  } catch (error) {
    if (gatewayOf(trial.parameters) === null || !(error instanceof BenchError)) throw error
    if (error.code !== 'preflight-failed' && error.code !== 'arm-failed') throw error
    return error.message
  }
}

/** Everything that the reference server runs of ours. */
export function referenceDigest(root: string): string {
  const sources = ['reference.ts', 'process.ts', 'telemetry.ts']
  const hash = createHash('sha256')
  for (const name of sources) hash.update(readFileSync(join(root, 'servers', name)))
  return hash.digest('hex')
}

function preflightKey({ case: trial, tree }: PlannedArm): string {
  return JSON.stringify([tree.root, trial.id])
}

function recordOf(
  arm: PlannedArm,
  preflight: Preflight | undefined,
  skipReason: string | null,
): ArmRecord {
  const accepted = preflight === undefined ? [] : failuresOf(preflight)
  const mark = preflight === undefined ? null : gapWarning(arm.case.id, preflight)
  const reason =
    accepted.length === 0
      ? null
      : `must be refused and was not: ${accepted.map(({ id, outcome }) => `${id} (${outcome})`).join(', ')}`
  return {
    id: arm.id,
    caseId: arm.case.id,
    scenario: arm.case.scenario.name,
    parameters: { ...arm.case.parameters },
    role: arm.role,
    against: arm.against,
    parts: [...arm.parts],
    source: { label: arm.tree.label, commit: arm.tree.commit, dirty: arm.tree.dirty },
    requestDigest: requestDigest(),
    responseDigest: null,
    outcome: reason === null ? 'skipped' : 'failed',
    reason: reason ?? skipReason,
    preflight: preflight ?? null,
    warnings: [mark, caveatOf(arm.case)].filter((warning) => warning !== null),
  }
}

interface SourceTask {
  readonly arm: PlannedArm
  readonly run: Run
  readonly pinning: Pinning | null
  readonly labOf: (trial: Case) => Promise<Lab>
  readonly start: StartServer
}

function sourceOf({ arm, run, pinning, labOf, start }: SourceTask): RunSource {
  return {
    id: arm.id,
    caseId: arm.case.id,
    async start() {
      const started = await startArm({
        id: arm.id,
        case: arm.case,
        sourceRoot: arm.tree.root,
        lab: await labOf(arm.case),
        pinning,
        start,
      })
      const record = run.arms.find(({ id }) => id === arm.id)
      if (record === undefined)
        throw new BenchError('measurement-failed', `arm ${arm.id} is not in the run`)
      record.responseDigest = started.responseDigest
      return started
    },
  }
}

/** One lab for all cases with the same keys: parties of one run trust one authority. */
function createLabs(stack: AsyncDisposableStack): (trial: Case) => Promise<Lab> {
  const labs = new Map<string, Promise<Lab>>()
  return async ({ parameters }) => {
    const key = JSON.stringify(labParameters.map((name) => parameters[name] ?? null))
    const known = labs.get(key)
    if (known !== undefined) return known
    const lab = createLab({ parameters })
    labs.set(key, lab)
    stack.use(await lab)
    return lab
  }
}

const labParameters = [
  ...['key', 'serverKey', 'clientKey', 'chain', 'crl', 'alg', 'tls', 'introspectionCache'],
  ...['verifier', 'tokenCache', 'tokenBytes', 'issuerLatencyMs', 'bodyBytes', 'store', 'workers'],
  ...['tokens', 'hitRatio', 'clients', 'partners', 'ocsp'],
]
const preflightsAtOnce = 2
/** Time synchronisation slews by at most 500 ppm: 0.4 s in a run of a quarter of an hour. */
const clockToleranceMs = 1_000
