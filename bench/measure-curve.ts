import { repeatBlocks, type OutsideWorld } from './blocks.ts'
import { measureWindow, type OpenArm, type WindowRequest } from './measure-open.ts'
import { createRandom, shuffle } from './random.ts'
import type { Block, Window } from './results.ts'

/** An arm of which it can be found out how much it can do. */
export interface CurveArm extends OpenArm {
  /** Requests per second in a closed loop, as many as client and server manage. */
  capacityPerSecond(): Promise<number>
}

/** Something that curves are measured of: fresh processes at each start. */
export interface CurveArmSource {
  readonly id: string
  start(): Promise<CurveArm>
}

/** Which rates are offered, and what is looked for. */
export interface CurvePlan {
  /** All but the rate. */
  readonly request: Omit<WindowRequest, 'ratePerSecond'>
  /** Null: shares of what each arm can do. */
  readonly rates: readonly number[] | null
  readonly shares: readonly number[]
  /** Blocks of all rates, and blocks that confirm what the search found. */
  readonly blocks: number
  /** Response time that p99 must meet; null = no search. */
  readonly sloP99Us: number | null
  /** Halvings between the highest rate that met it and the lowest that did not. */
  readonly searchSteps: number
}

/** p99 of a window, in µs; null with too few samples, and infinite where the generator made it. */
export type P99Of = (window: Window) => number | null

/**
 * Latency against offered rate. Blocks of windows at every rate, in random order, each arm alone; then,
 * with an objective, a search between the highest rate that met it and the lowest that did not, one block
 * a step; then blocks at the rate found, which alone say whether it is met: what a search ends on is the
 * luckiest of several, and its own window is no evidence.
 */
export async function measureCurve(
  sources: readonly CurveArmSource[],
  plan: CurvePlan,
  context: OutsideWorld & { readonly p99Of: P99Of },
): Promise<Block[]> {
  const random = createRandom(plan.request.seed)
  const rates = new Map<string, readonly number[]>()
  const total = blocksOf(plan)
  const limits = { minBlocks: total, maxBlocks: total, budgetMs: null }
  const done: Window[] = []
  return repeatBlocks(limits, context, {
    begin(index) {
      const order = shuffle(sources, random)
      const windows: Window[] = []
      return {
        startOrder: order.map(({ id }) => id),
        content: () => ({ slices: [], histograms: [], windows }),
        async measure() {
          const stage = stageOf(index, plan)
          for (const source of order) {
            const own = done.filter((window) => window.arm === source.id)
            const next = stage === 'grid' ? null : nextRate(stage, own, plan, context.p99Of)
            if (stage !== 'grid' && next === null) continue
            // Alone also while it starts: nothing of another arm may be left running.
            context.signal.throwIfAborted()
            await using arm = await source.start()
            context.onEvent({ kind: 'warming', arms: 1 })
            await arm.settle()
            if (!rates.has(source.id)) rates.set(source.id, await ratesOf(arm, plan))
            const offered = next === null ? shuffle(rates.get(source.id) ?? [], random) : [next]
            for (const ratePerSecond of offered) {
              const request = { ...plan.request, ratePerSecond, seed: plan.request.seed + index }
              const measured = await measureWindow(arm, request, context)
              const slo = plan.sloP99Us === null ? {} : { sloP99Us: plan.sloP99Us }
              const window: Window = { ...measured, stage, ...slo }
              windows.push(window)
              done.push(window)
            }
          }
        },
      }
    },
  })
}

/** Blocks in all: of the grid and, with an objective, of its search and confirmation. */
export function blocksOf({ sloP99Us, blocks, searchSteps }: CurvePlan): number {
  return sloP99Us === null ? blocks : blocks + searchSteps + blocks
}

/** What a block is for, by its place. */
function stageOf(index: number, { blocks, searchSteps }: CurvePlan): NonNullable<Window['stage']> {
  if (index < blocks) return 'grid'
  return index < blocks + searchSteps ? 'search' : 'confirm'
}

async function ratesOf(arm: CurveArm, { rates, shares }: CurvePlan): Promise<readonly number[]> {
  if (rates !== null) return rates
  const capacity = await arm.capacityPerSecond()
  return [...new Set(shares.map((share) => roundRate(capacity * share)))]
}

/** Two digits: rates of a kind that people say, and the same in every block. */
function roundRate(ratePerSecond: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(ratePerSecond)) - 1)
  return Math.max(1, Math.round(ratePerSecond / step) * step)
}

/** Highest rate known to meet the objective, and lowest known not to; null = none yet. */
interface Bracket {
  readonly meets: number | null
  readonly misses: number | null
}

function nextRate(
  stage: 'search' | 'confirm',
  windows: readonly Window[],
  { sloP99Us }: CurvePlan,
  p99Of: P99Of,
): number | null {
  if (sloP99Us === null) return null
  // What confirms must not move what it is to confirm.
  const tried = windows.filter((window) => window.stage !== 'confirm')
  const { meets, misses } = bracket(tried, sloP99Us, p99Of)
  if (stage === 'confirm') return meets
  return meets === null || misses === null ? null : roundRate(Math.sqrt(meets * misses))
}

/**
 * Between which rates the objective ceases to be met: a rate meets it when most of its windows do, and those
 * with too few samples say nothing. Above the lowest rate that misses nothing counts as met: there it was
 * luck.
 */
export function bracket(windows: readonly Window[], sloP99Us: number, p99Of: P99Of): Bracket {
  const byRate = Map.groupBy(windows, ({ plan }) => plan.ratePerSecond)
  const verdicts = [...byRate]
    .sort(([a], [b]) => a - b)
    .flatMap(([rate, own]) => {
      const p99s = own.map(p99Of).filter((p99Us) => p99Us !== null)
      const met = p99s.filter((p99Us) => p99Us <= sloP99Us).length
      return p99s.length === 0 ? [] : [{ rate, meets: met * 2 > p99s.length }]
    })
  const misses = verdicts.find(({ meets }) => !meets)?.rate ?? null
  const meets = verdicts.filter(({ rate }) => misses === null || rate < misses).at(-1)?.rate ?? null
  return { meets, misses }
}
