import { Command } from 'commander'
import { BenchError } from '../errors.ts'
import { obstacleOf } from '../gateways.ts'
import { issuerNeeds, needsIssuer, startCase, type Launch } from '../hops.ts'
import { createLab } from '../lab.ts'
import { createServerStarter, type ServerProcess } from '../processes.ts'
import { expand, parseSettings } from '../cases.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { curlLines } from './curl-lines.ts'
import { collect, type CommandResult, type Io } from './io.ts'

/** `server`: one reference server alone, with ready-made curl lines. */
export function serverCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('server')
    .description('run one reference server until Ctrl-C, with ready-made curl lines')
    .argument('<scenario>', 'a name from npm run bench -- --list')
    .option('--set <name=value>', 'set a parameter', collect, [])
    .option('--port <number>', 'port on 127.0.0.1; 0 = any free one', '0')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run server -- combined --set key=rsa2048')
    .action(async (name: string, options: { set: string[]; port: string; json?: true }) => {
      await serve(name, options, io)
      done({ exitCode: 0 })
    })
}

async function serve(
  name: string,
  options: { set: string[]; port: string; json?: true },
  io: Io,
): Promise<void> {
  const scenario = findScenario(name, await loadScenarios(io.root))
  const [trial, ...others] = expand(scenario, parseSettings(options.set, [scenario]))
  if (trial === undefined || others.length > 0) {
    throw new BenchError(
      'usage',
      `--set ${options.set.join(' ')}: one server runs one case, give one value for each parameter`,
    )
  }
  const port = parsePort(options.port)
  const obstacle = obstacleOf(trial)
  if (obstacle !== null) throw new BenchError('arm-failed', obstacle)
  await using lab = await createLab({ parameters: trial.parameters })
  await using start = createServerStarter(io.signal)
  const launch: Launch = async (program, config) =>
    start.server({ program, configFile: await lab.writeConfig(program, config) })
  const issuer = needsIssuer(trial)
    ? await launch('authorization', lab.authorizationConfig(issuerNeeds(trial)))
    : null
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const server = await startCase({ trial, lab, issuerUrl, launch, port })
  const lines = await curlLines({ trial, lab, server, issuerUrl })
  const url = `${trial.scenario.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`
  if (options.json === true) {
    io.out(
      `${JSON.stringify({ schema: 1, command: 'server', case: trial.id, url, issuer: issuerUrl, folder: lab.folder, curl: lines })}\n`,
    )
  } else {
    io.out(
      `${trial.id}\n  listens on ${url}\n${issuerUrl === null ? '' : `  issuer     ${issuerUrl}\n`}  credentials in ${lab.folder} until it stops\n\n${lines.map(({ about, line }) => `# ${about}\n${line}\n`).join('\n')}\nCtrl-C stops it.\n`,
    )
  }
  await untilStopped(io.signal, issuer === null ? [server] : [server, issuer])
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text)
  throw new BenchError('usage', `--port ${text}: expected 0 to 65535`)
}

/** Resolves on Ctrl-C; rejects when a server ends by itself. */
function untilStopped(signal: AbortSignal, servers: readonly ServerProcess[]): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) resolve()
    signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
    for (const { died } of servers) {
      died.addEventListener(
        'abort',
        () => {
          if (!signal.aborted) reject(died.reason as Error)
        },
        { once: true },
      )
    }
  })
}
