import { relative } from 'node:path'
import { Command } from 'commander'
import { writeSecretFile } from '../../servers/pki.ts'
import { toPkcs12 } from '../../servers/pki-pkcs12.ts'
import { resources } from '../../servers/config.ts'
import { BenchError } from '../errors.ts'
import { createLab, type Lab } from '../lab.ts'
import { createServerStarter, type ServerProcess } from '../processes.ts'
import { expand, parseSettings, type Case } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
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
  await using lab = await createLab({ parameters: trial.parameters })
  await using start = createServerStarter(io.signal)
  const credentials = trial.scenario.credentials(trial.parameters)
  const issuer =
    credentials.token === 'none'
      ? null
      : await start.server({
          program: 'authorization',
          configFile: await lab.writeConfig('authorization', lab.authorizationConfig()),
        })
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const config = { ...lab.serverConfig(trial, issuerUrl), port }
  const server = await start.server({
    program: trial.scenario.server,
    configFile: await lab.writeConfig(trial.scenario.server, config),
  })
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

interface CurlLine {
  readonly about: string
  readonly line: string
}

async function curlLines({
  trial,
  lab,
  server,
  issuerUrl,
}: {
  readonly trial: Case
  readonly lab: Lab
  readonly server: ServerProcess
  readonly issuerUrl: string | null
}): Promise<CurlLine[]> {
  const credentials = trial.scenario.credentials(trial.parameters)
  const url = `${trial.scenario.tls ? 'https' : 'http'}://127.0.0.1:${server.port}/v1/orgs/acme/payments`
  const trust = trial.scenario.tls ? ` --cacert ${inFolder(lab, lab.caFile)}` : ''
  const certificate = ` --cert ${inFolder(lab, lab.clientFiles.chainFile)} --key ${inFolder(lab, lab.clientFiles.keyFile)}`
  const lines: CurlLine[] = [
    { about: 'files below are named from here', line: `cd ${quote(lab.folder)}` },
  ]
  if (credentials.token !== 'none') {
    const client = credentials.bound
      ? `${certificate} -d client_id=acme-billing-bound`
      : ` -u "acme-terminal:$(cat client-secret)"`
    lines.push({
      about: `fetch an access token as a client would (RFC 6749 section 4.4${credentials.bound ? ', RFC 8705' : ''})`,
      line: `TOKEN=$(curl -sS --fail-with-body${trust}${client} -d grant_type=client_credentials -d resource=${resources[credentials.token]} --data-urlencode 'scope=payments:read payments:write' ${issuerUrl ?? ''}/token | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')`,
    })
  }
  const identity = credentials.certificate ? certificate : ''
  const bearer = credentials.token === 'none' ? '' : ' -H "Authorization: Bearer $TOKEN"'
  lines.push(
    {
      about: 'read a payment: 200',
      line: `curl -sS -i${trust}${identity}${bearer} ${url}/pay_1001`,
    },
    {
      about: 'create a payment: 201',
      line: `curl -sS -i${trust}${identity}${bearer} -H 'Content-Type: application/json' -d '{"amount":"12.50","currency":"EUR"}' ${url}`,
    },
  )
  if (credentials.certificate && (await writePkcs12(lab))) {
    lines.push({
      about: 'the same identity as PKCS#12, for browsers, JMeter, Postman, Java',
      line: `curl -sS -i${trust} --cert-type P12 --cert "client.p12:$(cat client.p12.passphrase)"${bearer} ${url}/pay_1001`,
    })
  }
  if (credentials.certificate || credentials.token !== 'none') {
    lines.push({
      about: 'without credentials: refused',
      line: `curl -sS -i${trust} ${url}/pay_1001`,
    })
  }
  return lines
}

/** Writes `client.p12` where the client's key is RSA, which is what node-forge can export; returns whether it did. */
async function writePkcs12(lab: Lab): Promise<boolean> {
  if (!lab.settings.clientKey.startsWith('rsa')) return false
  const passphrase = crypto.randomUUID()
  await writeSecretFile(
    lab.folder,
    'client.p12',
    toPkcs12({ identity: lab.good, rootPem: lab.rootPem, passphrase }),
  )
  await writeSecretFile(lab.folder, 'client.p12.passphrase', passphrase)
  return true
}

/** Name of a lab's file below its folder. */
function inFolder(lab: Lab, file: string): string {
  return relative(lab.folder, file)
}

/** A word of a POSIX shell. */
function quote(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
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
