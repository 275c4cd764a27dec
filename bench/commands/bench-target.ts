import { windowP99Us } from '../analysis/curve.ts'
import { relativePrecision } from '../analysis/summary.ts'
import { BenchError } from '../errors.ts'
import { warmGenerator } from '../load/warm-up.ts'
import { measureChurn } from '../measure-churn.ts'
import { blocksOf, measureCurve } from '../measure-curve.ts'
import { measureOpen } from '../measure-open.ts'
import { measure } from '../measure.ts'
import { clientsLine } from '../progress.ts'
import type { Run } from '../results.ts'
import { assertWithin, type Cap, type Wanted } from '../targets/caps.ts'
import { targetPlan } from '../targets/plan.ts'
import { runOnTargets, type TargetProcedure } from '../targets/run.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { resolveTarget, type UserTarget } from '../targets/target.ts'
import { createTeller } from '../targets/teller.ts'
import { churnPlanOf } from './churn-options.ts'
import type { MergedOptions } from './config-options.ts'
import { curvePlanOf } from './curve-options.ts'
import type { Io } from './io.ts'
import type { LoadKind } from './load-options.ts'
import { measureAndShow, type Shown } from './measuring.ts'
import { connectionLimits, openPlanOf } from './open-options.ts'
import type { ChosenPlan } from './plan-options.ts'
import { capsOf } from './target-caps.ts'
import { assertOwned } from './target-options.ts'

/** What is to be measured of servers that are the user's own. */
export interface TargetSubject {
  readonly load: LoadKind
  readonly options: MergedOptions
  readonly chosen: ChosenPlan
  readonly targets: readonly TargetSettings[]
}

/** `bench --target`: servers of the user's own under any kind of load; throws usage errors before anything is sent. */
export async function benchTargets(subject: TargetSubject, shown: Shown): Promise<Run> {
  const { options, chosen, load } = subject
  assertOwned(subject.targets, options)
  const { connections, maxConnections, timeoutMs } = connectionLimits(options)
  const targets = await resolveAll(subject.targets, timeoutMs, shown.io)
  assertDistinct(targets)
  const capOf = capsOf(options, maxConnections)
  const caps = targets.flatMap((target) => capOf(target) ?? [])
  const scene = { subject, targets, cap: caps[0] ?? null, connections }
  const work = workOf(scene)
  for (const target of targets) {
    const cap = capOf(target)
    if (cap !== null) assertWithin(cap, work.wanted, target.host)
  }
  return measureAndShow(
    shown,
    { subject: `${load}-target`, limits: work.limits },
    async (common) => {
      if (work.isOpen && options.generators === undefined) await warmGenerator()
      return runOnTargets({
        ...common,
        seed: chosen.plan.seed,
        targets,
        connections,
        timeoutMs,
        capOf,
        isCutOff: work.wanted.durationMs === null,
        procedure: work.procedure,
      })
    },
  )
}

/** One after the other: many clients of each are many files to read. */
async function resolveAll(
  settings: readonly TargetSettings[],
  timeoutMs: number,
  { err, signal }: Io,
): Promise<UserTarget[]> {
  const tell = createTeller((what, done, of) => {
    err(`${clientsLine(what, done, of)}\n`)
  })
  const targets: UserTarget[] = []
  for (const one of settings) targets.push(await resolveTarget(one, { timeoutMs, signal, tell }))
  return targets
}

interface Scene {
  readonly subject: TargetSubject
  readonly targets: readonly UserTarget[]
  /** The one cap of all that have one. */
  readonly cap: Cap | null
  readonly connections: number
}

/** How targets are measured under one kind of load, and what that sends them. */
interface Work {
  readonly wanted: Wanted
  readonly limits: { minBlocks: number; maxBlocks: number; budgetMs: number | null }
  readonly isOpen: boolean
  readonly procedure: (latencyMs: number) => TargetProcedure
}

function workOf(scene: Scene): Work {
  switch (scene.subject.load) {
    case 'closed':
      return closedWork(scene)
    case 'open':
      return openWork(scene)
    case 'curve':
      return curveWork(scene)
    case 'churn':
      return churnWork(scene)
  }
}

function closedWork({ subject, targets, cap, connections }: Scene): Work {
  const { plan, precision } = subject.chosen
  return {
    wanted: { ratePerSecond: null, durationMs: null, connections },
    limits: plan,
    isOpen: false,
    procedure: (latencyMs) => {
      const own = targetPlan(plan, { targets: targets.length, connections, latencyMs, cap })
      return (sources, context, run) =>
        measure(sources, own, {
          ...context,
          preciseEnough: () =>
            precision !== null && (relativePrecision(run) ?? Infinity) <= precision,
        })
    },
  }
}

function openWork({ subject: { options, chosen }, targets }: Scene): Work {
  const plan = openPlanOf(options, { mode: chosen.mode, seed: chosen.plan.seed })
  const { request, blocks } = plan
  for (const target of targets) assertShared(target, request.generators ?? 1)
  return {
    wanted: {
      ratePerSecond: request.ratePerSecond,
      durationMs: blocks * targets.length * request.durationMs,
      connections: request.connections,
    },
    limits: { minBlocks: blocks, maxBlocks: blocks, budgetMs: null },
    isOpen: true,
    procedure: () => (sources, context) => measureOpen(sources, plan, context),
  }
}

/** Each generator has clients of its own, and is told of renewed tokens of one. */
function assertShared({ crowd, token }: UserTarget, generators: number): void {
  if (generators > 1 && token?.ofMany === true) {
    throw new BenchError(
      'usage',
      `--generators ${generators}: tokens of many clients are renewed by one process, leave it out`,
    )
  }
  if (crowd === null || crowd.count >= generators) return
  throw new BenchError(
    'usage',
    `--generators ${generators}: each has clients of its own, and there are ${crowd.count}; give no more generators than --clients`,
  )
}

function curveWork({ subject: { options, chosen }, targets }: Scene): Work {
  const plan = curvePlanOf(options, { mode: chosen.mode, seed: chosen.plan.seed })
  const total = blocksOf(plan)
  const rates = plan.rates?.length ?? plan.shares.length
  // Every rate in each block of the grid; one rate in those of a search and its confirmation.
  const windows = plan.blocks * rates + (total - plan.blocks)
  return {
    wanted: {
      ratePerSecond: plan.rates === null ? null : Math.max(...plan.rates),
      durationMs: windows * targets.length * plan.request.durationMs,
      connections: plan.request.connections,
    },
    limits: { minBlocks: total, maxBlocks: total, budgetMs: null },
    isOpen: true,
    procedure: () => (sources, context) =>
      measureCurve(sources, plan, { ...context, p99Of: windowP99Us }),
  }
}

function churnWork({ subject: { options, chosen }, targets, cap, connections }: Scene): Work {
  const { mode, plan, precision } = chosen
  if (precision !== null)
    throw new BenchError(
      'usage',
      '--precision is for closed loops: give --quick, --full or --budget',
    )
  const scenarios = targets.map(({ label, endpoint }) => ({
    name: label,
    tls: endpoint.tls !== null,
  }))
  const hasBudget = options.budget !== undefined
  const churn = churnPlanOf(options, { mode, plan, scenarios, hasBudget })
  const clients = churn.uses.map((use) => use.clients ?? 0)
  return {
    wanted: {
      ratePerSecond: null,
      durationMs: null,
      connections: Math.max(connections, ...clients),
    },
    limits: churn,
    isOpen: false,
    procedure: (latencyMs) => {
      const own = targetPlan(plan, { targets: targets.length, connections, latencyMs, cap })
      const { warmupRequests, maxSliceRequests } = own
      const isShort = own !== plan
      const fitted = {
        ...churn,
        warmupRequests,
        maxSliceRequests,
        budgetMs: least(churn.budgetMs, cap === null ? null : own.budgetMs),
        ...(isShort ? shortSlices : {}),
      }
      return (sources, context) => measureChurn(sources, fitted, context)
    },
  }
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

/** Two arms of one name would be one row. */
function assertDistinct(targets: readonly UserTarget[]): void {
  const labels = targets.map(({ label }) => label)
  const twice = labels.find((label, index) => labels.indexOf(label) !== index)
  if (twice === undefined) return
  throw new BenchError(
    'usage',
    `--target ${twice}: named twice; give each a name of its own, as --name a=URL`,
  )
}

const shortSlices = { sliceRequests: 100, minConnections: 4, warmupConnections: 10 } as const
