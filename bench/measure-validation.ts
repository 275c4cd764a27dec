import { repeatBlocks, startTogether, type OutsideWorld } from './blocks.ts'
import {
  measureWindow,
  type OpenArm,
  type OpenArmSource,
  type WindowRequest,
} from './measure-open.ts'
import { createRandom, shuffle } from './random.ts'
import type { Block, Window } from './results.ts'
import type { ValidationCell } from './validations.ts'

/** Loads to measure, in blocks. */
export interface ValidationPlan {
  readonly cells: readonly ValidationCell[]
  /** All but rate and seed. */
  readonly request: Omit<WindowRequest, 'ratePerSecond' | 'seed'>
  readonly seed: number
  readonly maxBlocks: number
  readonly budgetMs: number | null
}

/** Windows of one cell in one block, at the same time, in the order of its loads. */
export type OnCell = (cell: string, windows: readonly Window[]) => void

/**
 * Measures every cell in each block: those of the same arms one after the other on the same fresh processes,
 * alone on the servers' cores; windows of a mix are offered at the same time.
 */
export async function measureValidation(
  sources: readonly OpenArmSource[],
  { cells, request, seed, maxBlocks, budgetMs }: ValidationPlan,
  context: OutsideWorld & { readonly onCell: OnCell },
): Promise<Block[]> {
  const random = createRandom(seed)
  const groups = [...Map.groupBy(cells, armsOf).values()]
  return repeatBlocks({ minBlocks: 1, maxBlocks, budgetMs }, context, {
    begin(index) {
      const order = shuffle(groups, random)
      const windows: Window[] = []
      return {
        startOrder: sources.map(({ id }) => id),
        content: () => ({ slices: [], histograms: [], windows }),
        async measure() {
          for (const group of order) {
            await using stack = new AsyncDisposableStack()
            const arms = await startArms(group[0], { sources, stack, context })
            for (const cell of shuffle(group, random)) {
              const own = await measureCell(arms, cell, {
                request: { ...request, seed: seed + index },
                context,
              })
              windows.push(...own)
              context.onCell(cell.name, own)
            }
          }
        },
      }
    },
  })
}

async function startArms(
  cell: ValidationCell | undefined,
  {
    sources,
    stack,
    context,
  }: {
    readonly sources: readonly OpenArmSource[]
    readonly stack: AsyncDisposableStack
    readonly context: OutsideWorld
  },
): Promise<OpenArm[]> {
  const wanted = (cell?.loads ?? []).flatMap(
    (load) => sources.find(({ id }) => id === load.case) ?? [],
  )
  context.signal.throwIfAborted()
  const started = await startTogether(wanted, stack)
  context.onEvent({ kind: 'warming', arms: started.length })
  for (const { arm } of started) await arm.settle()
  return started.map(({ arm }) => arm)
}

async function measureCell(
  arms: readonly OpenArm[],
  { loads }: ValidationCell,
  {
    request,
    context,
  }: {
    readonly request: Omit<WindowRequest, 'ratePerSecond'>
    readonly context: OutsideWorld
  },
): Promise<Window[]> {
  const windows = await Promise.all(
    arms.map((arm, index) =>
      measureWindow(
        arm,
        { ...request, seed: request.seed + index, ratePerSecond: loads[index]?.ratePerSecond ?? 1 },
        context,
      ),
    ),
  )
  return windows.map((window) => withoutOthers(window, windows))
}

/**
 * Loops that run in one process count its CPU each: what the others looked at the clock was no work. And what
 * the servers of the others used was used by nobody foreign.
 */
function withoutOthers(window: Window, all: readonly Window[]): Window {
  const others = all.filter((one) => one !== window)
  const sum = (valueOf: (one: Window) => number) =>
    others.reduce((total, one) => total + valueOf(one), 0)
  const { foreignCpuUs } = window
  return {
    ...window,
    clientCpuUs: Math.max(0, window.clientCpuUs - sum(({ spinUs }) => spinUs)),
    foreignCpuUs:
      foreignCpuUs === null
        ? null
        : foreignCpuUs - sum(({ cpuUs, issuerCpuUs }) => (cpuUs ?? 0) + (issuerCpuUs ?? 0)),
  }
}

function armsOf({ loads }: ValidationCell): string {
  return JSON.stringify(loads.map((load) => load.case))
}
