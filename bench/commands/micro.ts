import { join } from 'node:path'
import { Command } from 'commander'
import { planArms } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { measureMicro, type MicroPlan } from '../measure-micro.ts'
import { startPrimitives } from '../micro/process.ts'
import { modes } from '../modes.ts'
import type { Plan } from '../measure.ts'
import type { Mode, Run } from '../results.ts'
import { runBench } from '../run.ts'
import { parseSettings } from '../cases.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { workingTree } from '../trees.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import { measureAndShow } from './measuring.ts'
import { addPlanOptions, planArguments, planOf, type PlanOptions } from './plan-options.ts'

interface MicroOptions extends PlanOptions {
  readonly set: readonly string[]
  readonly results: string
  readonly json?: true
}

/** `micro`: primitives, and what the scenarios are made of. */
export function microCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('micro')
    .description('measure primitives (verify, parse, handshake) and tell scenarios by them')
    .argument('[scenario...]', `default: ${core.join(' ')}; none: primitives alone`)
    .option('--set <name=value,…>', 'set a parameter of the scenarios', collect, [])
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run micro\n  npm run micro -- combined --set alg=RS256\n  npm run micro -- none',
    )
    .action(async (names: string[], options: MicroOptions) => {
      done(await micro(names, options, io))
    })
  return addPlanOptions(command)
}

async function micro(
  names: readonly string[],
  options: MicroOptions,
  io: Io,
): Promise<CommandResult> {
  if (options.precision !== undefined)
    throw new BenchError('usage', `--precision ${options.precision}: give --full or --budget`)
  const all = await loadScenarios(io.root)
  const chosen = names.length === 0 ? core : names.filter((name) => name !== 'none')
  const scenarios = chosen.map((name) => findScenario(name, all))
  const settings = parseSettings(options.set, scenarios)
  const { mode, plan } = planOf(options, 'default')
  const tree = workingTree(io.root)
  // Every ledger stands on the plain exchange.
  const needed = scenarios.length === 0 ? [] : [findScenario('http', all), ...scenarios]
  const arms = planArms({ scenarios: [...new Set(needed)], settings, against: null, tree }, all)
  const microPlan = microPlanOf(mode, plan)
  const run = await measureAndShow(
    {
      io,
      mode,
      results: options.results,
      json: options.json === true,
      command: [
        'micro',
        ...names,
        ...options.set.flatMap((setting) => ['--set', setting]),
        ...planArguments(options),
      ],
    },
    { subject: 'micro', limits: microPlan },
    (common) =>
      runBench({
        ...common,
        arms: scenarios.length === 0 ? [] : arms,
        seed: plan.seed,
        procedure: (sources, context, current) =>
          measureMicro(sources, microPlan, {
            ...context,
            startPrimitives: () => startPrimitives(current.environment.serverCpus, context.signal),
          }),
      }),
  )
  return outcomeOf(run, io)
}

/** The modes of `bench`, in which a block is longer by its primitives; autocannon's slices tell nothing here. */
function microPlanOf(mode: Mode, plan: Plan): MicroPlan {
  const { minBlocks, maxBlocks, budgetMs } = plan
  const isSmoke = mode === 'smoke'
  return {
    minBlocks,
    maxBlocks: mode === 'full' ? modes.default.maxBlocks : maxBlocks,
    budgetMs: budgetMs === null ? null : budgetMs * budgetFactor,
    duet: { ...plan, saturationRequests: 0, singleConnectionSlices: 0 },
    primitiveMs: isSmoke ? 1 : primitiveMs,
    ids: null,
  }
}

function outcomeOf(run: Run, io: Io): CommandResult {
  if (run.complete) return { exitCode: 0 }
  if (io.signal.aborted) throw io.signal.reason
  const code = run.blocks.length === 0 ? 'preflight-failed' : 'measurement-failed'
  throw new BenchError(code, run.incompleteReason ?? 'the run is incomplete')
}

const core = ['tls', 'mtls', 'jwt', 'introspection', 'combined']
/** Seventy primitives take a quarter of a minute in each block. */
const primitiveMs = 90
const budgetFactor = 4
