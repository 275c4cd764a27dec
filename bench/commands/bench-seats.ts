import { randomBytes } from 'node:crypto'
import { BenchError } from '../errors.ts'
import { measureOpen, type OpenMeasurePlan } from '../measure-open.ts'
import type { Run } from '../results.ts'
import { allClients, clientsOfSeat, plannedClients } from '../seats/clients.ts'
import { openCoordinator, type Coordinator } from '../seats/coordinator.ts'
import { missingReason, seatWarnings } from '../seats/merge.ts'
import { planFormat, type SeatPlan } from '../seats/plan.ts'
import { openHeadersOf, referencesOf } from '../seats/references.ts'
import { seatSource } from '../seats/source.ts'
import { seatsFor, trialRates, trialStageMs } from '../seats/trial.ts'
import { assertWithin, type Cap } from '../targets/caps.ts'
import { runOnTargets } from '../targets/run.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { resolveTarget, type UserTarget } from '../targets/target.ts'
import type { MergedOptions } from './config-options.ts'
import { measureAndShow, type Shown } from './measuring.ts'
import { connectionLimits, openPlanOf } from './open-options.ts'
import { durationMs, type ChosenPlan } from './plan-options.ts'
import {
  mostSeats,
  rendezvousOf,
  runIdOf,
  seatCount,
  seatWaitMs,
  toleratedOf,
} from './seat-options.ts'
import { capsOf } from './target-caps.ts'
import { assertOwned } from './target-options.ts'

/** What seats are to measure: one server of the user's. */
export interface SeatsSubject {
  readonly options: MergedOptions
  readonly chosen: ChosenPlan
  readonly targets: readonly TargetSettings[]
}

/** `bench --target --seats`: one schedule, offered by generators on other machines. Throws usage errors before anything is sent. */
export async function benchSeats(
  { options, chosen, targets }: SeatsSubject,
  shown: Shown,
): Promise<Run> {
  const asked = await oneTarget(targets, options)
  const { target, clients } = asked
  const count = seatCount(options.seats ?? '')
  const runId = runIdOf(options)
  const measured = (seats: number) => planWith(options, chosen, seats)
  const cap = assertCapped({ options, target, count, measured })
  const planned = (seats: number) =>
    seatPlan({ options, asked, runId, root: shown.io.root }, measured(seats), seats)
  const say = (line: string) => {
    shown.io.err(`${line}\n`)
  }
  const tolerated = toleratedOf(options)
  const seatLine = `run ${runId}: npm run seat -- --run-id ${runId} --index 0`
  if (count === 'auto') say(`${seatLine}, which tries alone how many are needed`)
  await using seats = await openCoordinator({
    settings: rendezvousOf(options),
    plan: count === 'auto' ? withTrial(planned(1)) : planned(count),
    afterTrial: (cleanPerSecond) => tellSeats(planned, cleanPerSecond, say),
    tolerated,
    say,
    signal: shown.io.signal,
  })
  say(`${seatLine} to ${seats.plan.seats - 1}`)
  // Awaited: the seats are called off where this ends.
  const plan = measured(seats.plan.seats)
  return await measure({ seats, tolerated, target, clients, cap, plan }, shown)
}

interface Scene {
  readonly seats: Coordinator
  readonly tolerated: number
  readonly target: UserTarget
  readonly clients: SeatPlan['clients']
  readonly cap: Cap | null
  readonly plan: OpenMeasurePlan
}

function measure(
  { seats, tolerated, target, clients, cap, plan }: Scene,
  shown: Shown,
): Promise<Run> {
  let seen = allClients(clients, [])
  const limits = { minBlocks: 1, maxBlocks: 1, budgetMs: null }
  return measureAndShow(shown, { subject: 'seats-target', limits }, (common) =>
    runOnTargets({
      ...common,
      seed: plan.request.seed,
      targets: [target],
      connections: plan.request.connections,
      timeoutMs: plan.request.timeoutMs,
      capOf: () => cap,
      isCutOff: false,
      async offerWindow(...words) {
        const { clients: tookPart, ...reading } = await seats.offerWindow(...words)
        seen = tookPart
        return reading
      },
      seenClients: () => seen,
      procedure: () => async (sources, context, run) => {
        const blocks = await measureOpen(sources, plan, context)
        markMissing(run, tolerated)
        return blocks
      },
    }),
  )
}

/** Seats that are missing, beyond what is tolerated, make the block a failed one: kept, and in no figure. */
function markMissing(run: Run, tolerated: number): void {
  for (const block of run.blocks) {
    for (const window of block.windows ?? []) {
      run.warnings.push(...seatWarnings(window))
      const reason = missingReason(window, tolerated)
      if (reason !== null) Object.assign(block, { outcome: 'failed', reason })
    }
  }
}

/** What seats ask, and as whom. */
interface Asked {
  readonly settings: TargetSettings
  readonly target: UserTarget
  readonly clients: SeatPlan['clients']
}

async function oneTarget(
  targets: readonly TargetSettings[],
  options: MergedOptions,
): Promise<Asked> {
  assertOwned(targets, options)
  const [settings, ...others] = targets
  if (settings === undefined || others.length > 0) {
    throw new BenchError(
      'usage',
      `--seats ${options.seats ?? ''}: seats load one --target, ${targets.length} are named`,
    )
  }
  const { timeoutMs } = connectionLimits(options)
  // Seats have the clients; the coordinator asks as the first of them.
  const { clients: _, ...alone } = settings
  const clients = plannedClients(settings)
  const first = clients === null ? settings : { ...alone, clients: 1 }
  const signal = new AbortController().signal
  const target = await resolveTarget(first, { timeoutMs, signal, tell: () => undefined })
  return { settings, target, clients }
}

/** One window; every seat has a connection to begin with. */
function planWith(options: MergedOptions, { mode, plan }: ChosenPlan, seats: number) {
  const most = String(Math.max(connectionLimits(options).maxConnections, seats))
  const own = { ...options, maxConnections: options.maxConnections ?? most }
  const open = openPlanOf(own, { mode, seed: plan.seed })
  const { connections } = open.request
  if (connections < seats) {
    throw new BenchError(
      'usage',
      `--${options.connections === undefined ? 'max-' : ''}connections ${connections}: ${seats} seats need one each, of all seats together`,
    )
  }
  return { ...open, request: { ...open.request, seats } }
}

function assertCapped({
  options,
  target,
  count,
  measured,
}: {
  readonly options: MergedOptions
  readonly target: UserTarget
  readonly count: number | 'auto'
  readonly measured: (seats: number) => OpenMeasurePlan
}): Cap | null {
  const { request } = measured(count === 'auto' ? 1 : count)
  const cap = capsOf(options, connectionLimits(options).maxConnections)(target)
  const trialMs = count === 'auto' ? trialRates(request.ratePerSecond).length * trialStageMs : 0
  if (cap !== null) {
    const wanted = { ...request, durationMs: request.durationMs + trialMs }
    assertWithin(cap, wanted, target.host)
  }
  return cap
}

interface PlanScene {
  readonly options: MergedOptions
  readonly asked: Asked
  readonly runId: string
  readonly root: string
}

function seatPlan(
  { options, asked: { settings, target, clients }, runId, root }: PlanScene,
  { request }: OpenMeasurePlan,
  seats: number,
): SeatPlan {
  const { ratePerSecond, arrivals, seed, connections, maxConnections, timeoutMs } = request
  const { method = 'GET', expect } = target.endpoint
  // The last has the fewest.
  if (clients !== null) clientsOfSeat(clients, seats - 1, seats)
  const waitMs = seatWaitMs(options)
  const resultWaitMs = durationMs('--result-wait', options.resultWait ?? '60s')
  return {
    format: planFormat,
    source: seatSource(root),
    runId,
    nonce: randomBytes(8).toString('hex'),
    schedule: { ratePerSecond, arrivals, durationMs: request.durationMs, seed },
    seats,
    connections,
    maxConnections,
    timeoutMs,
    target: {
      url: target.url,
      label: target.label,
      method,
      headers: openHeadersOf(settings),
      expectedStatuses: [expect.status, ...(expect.otherStatuses ?? [])],
      expectedBodySha256: expect.bodySha256 ?? null,
      requestDigest: target.requestDigest,
    },
    credentials: referencesOf(settings),
    clients,
    waitMs,
    resultWaitMs,
    keepMs: waitMs + request.durationMs + timeoutMs + resultWaitMs + keptAfterMs,
    withNames: options.seatNames === true,
    trial: null,
  }
}

function withTrial(plan: SeatPlan): SeatPlan {
  const ratesPerSecond = trialRates(plan.schedule.ratePerSecond)
  const keepMs = plan.keepMs + ratesPerSecond.length * (trialStageMs + plan.timeoutMs)
  const { clients } = plan
  // Seat 0 has all of them here, and some are enough to tell what a seat can offer.
  const some = clients && { ...clients, count: Math.min(clients.count, mostTrialClients) }
  return { ...plan, keepMs, clients: some, trial: { ratesPerSecond, stageMs: trialStageMs } }
}

function tellSeats(
  planned: (seats: number) => SeatPlan,
  cleanPerSecond: number,
  say: (line: string) => void,
): SeatPlan {
  const { ratePerSecond } = planned(1).schedule
  const seats = seatsFor(ratePerSecond, cleanPerSecond)
  if (seats > mostSeats) {
    throw new BenchError(
      'measurement-failed',
      `one seat can offer ${Math.round(cleanPerSecond)} requests/s: ${ratePerSecond} need ${seats} seats, and a run has ${mostSeats} at most; lower --rate, or give seats faster machines`,
    )
  }
  say(
    `one seat can offer ${Math.round(cleanPerSecond)} requests/s: start ${seats} in all, in Kubernetes with completions: ${seats} and parallelism: ${seats}`,
  )
  return planned(seats)
}

const mostTrialClients = 1_000
/** Who comes late is told so for a while. */
const keptAfterMs = 600_000
