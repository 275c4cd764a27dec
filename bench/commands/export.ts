import { join } from 'node:path'
import { Argument, Command } from 'commander'
import { expand, parseSettings } from '../cases.ts'
import { BenchError } from '../errors.ts'
import { runCommand } from '../export/k6-head.ts'
import { k6Manifests, secretCommand } from '../export/k6-operator.ts'
import { credentialFilesOf, k6Plan, variablesOf, type K6Plan } from '../export/k6-plan.ts'
import { k6Script } from '../export/k6-script.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { saveFiles } from '../store.ts'
import {
  addScriptOptions,
  issuerOf,
  loadOf,
  targetOf,
  type ScriptOptions,
} from './export-options.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import { shellWord } from './shell-word.ts'

interface ExportOptions extends ScriptOptions {
  readonly set: readonly string[]
  readonly out?: string
  readonly results: string
  readonly json?: true
}

/** A script that was written, and where. */
interface Written {
  readonly plan: K6Plan
  readonly folder: string
  readonly script: string
  readonly manifests: string
}

/** `export`: scenarios as scripts of another load generator. */
export function exportCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('export')
    .description('write a scenario as a k6 script, with a TestRun for k6-operator')
    .addArgument(new Argument('<tool>', 'whose script').choices(['k6']))
    .argument('<scenario...>', 'names from npm run bench -- --list')
  return addScriptOptions(command)
    .option('--set <name=value>', 'set a parameter, as token=opaque or tls=1.2', collect, [])
    .option('--out <folder>', 'where it goes (default: k6/<scenario> among the results)')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run export -- k6 combined\n  npm run export -- k6 combined --target https://gw.example --token-url https://idp.example/token --client-id billing --rate 500 --slo 25ms --seats 4',
    )
    .action(async (_tool: string, names: string[], options: ExportOptions) => {
      const plans = await plansOf(names, options, io)
      present(
        plans.map((plan) => write(plan, folderOf(plan, plans.length, options))),
        options,
        io,
      )
      done({ exitCode: 0 })
    })
}

/** Every plan before the first file: what one scenario cannot be keeps all from being written. */
async function plansOf(names: string[], options: ExportOptions, io: Io): Promise<K6Plan[]> {
  const all = await loadScenarios(io.root)
  const scenarios = [...new Set(names)].map((name) => findScenario(name, all))
  const settings = parseSettings(options.set, scenarios)
  const wishes = { target: targetOf(options), issuer: issuerOf(options), load: loadOf(options) }
  return scenarios.map((scenario) => {
    const [trial, ...others] = expand(scenario, settings)
    if (trial !== undefined && others.length === 0) return k6Plan(trial, wishes)
    throw new BenchError(
      'usage',
      `--set ${options.set.join(' ')}: a script is of one case, give one value for each parameter`,
    )
  })
}

/** Several scripts have a folder each. */
function folderOf({ case: { scenario } }: K6Plan, plans: number, options: ExportOptions): string {
  const { out, results } = options
  if (out === undefined) return join(results, 'k6', scenario.name)
  return plans === 1 ? out : join(out, scenario.name)
}

function write(plan: K6Plan, folder: string): Written {
  const script = k6Script(plan)
  const name = `${plan.case.scenario.name}.js`
  const files = { [name]: script, [manifestsName]: k6Manifests(plan, script) }
  saveFiles(folder, files)
  return { plan, folder, script: join(folder, name), manifests: join(folder, manifestsName) }
}

function present(written: readonly Written[], { json }: ExportOptions, io: Io): void {
  if (json === true) {
    const exports = written.map(entryOf)
    io.out(`${JSON.stringify({ schema: 1, command: 'export', tool: 'k6', exports })}\n`)
    return
  }
  for (const { plan, folder, script, manifests } of written) {
    const secret = secretCommand(plan)
    const lines = [
      plan.case.id,
      `  script     ${script}`,
      `  TestRun    ${manifests}`,
      `  run it     cd ${shellWord(folder)} && ${runCommand(plan)}`,
      `  or         ${secret === null ? '' : `${secret} && `}kubectl apply -f ${manifestsName}`,
      '  What it cannot tell of the case stands at the head of the script.',
    ]
    io.out(`${lines.join('\n')}\n`)
  }
}

function entryOf({ plan, folder, script, manifests }: Written) {
  const { ratePerSecond, durationSeconds, sloP99Ms, errorShare, seats } = plan.load
  return {
    case: plan.case.id,
    scenario: plan.case.scenario.name,
    folder,
    script,
    manifests,
    variables: variablesOf(plan),
    credentials: credentialFilesOf(plan),
    load: {
      ratePerSecond,
      durationMs: durationSeconds * 1_000,
      sloP99Us: Math.round(sloP99Ms * 1_000),
      errorShare,
      seats,
      virtualUsers: plan.virtualUsers.preAllocated,
      maxVirtualUsers: plan.virtualUsers.most,
    },
  }
}

const manifestsName = 'testrun.yaml'
