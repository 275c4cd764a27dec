import { Option, type Command } from 'commander'
import { BenchError } from '../errors.ts'
import {
  clientAuthMethods,
  holdsSecret,
  type HeaderSetting,
  type RequestSettings,
  type SecretRef,
  type TargetSettings,
} from '../targets/settings.ts'
import { pickDefined } from '../targets/defined.ts'
import { parseWebUrl, storableUrl } from '../targets/url.ts'
import { collect } from './io.ts'
import { dashed } from './plan-options.ts'

/** Options of `bench --target`, as they were given or a configuration file holds them. */
export interface TargetCommandOptions {
  readonly target?: readonly string[]
  readonly name?: readonly string[]
  readonly config?: string
  readonly iOwnThisTarget?: true
  readonly maxRate?: string
  readonly maxDuration?: string
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
  readonly clients?: string
  readonly firstClient?: string
  readonly identities?: string
  readonly issuer?: string
  readonly tokenUrl?: string
  readonly issuerCa?: string
  readonly clientId?: string
  readonly clientAuth?: RequestSettings['clientAuth']
  readonly clientSecretFile?: string
  readonly clientKeyFile?: string
  readonly scope?: string
  readonly resource?: string
  readonly audience?: string
  readonly tokenFile?: string
  readonly header?: readonly string[]
  readonly method?: string
  readonly bodyFile?: string
  readonly expectStatus?: string
  readonly expectBodyDigest?: string
  readonly cpuPid?: string
  readonly prometheus?: string
  readonly prometheusQuery?: string
}

/** Adds the options that say which servers of the user are measured, and how they are asked. */
export function addTargetOptions(command: Command): Command {
  command
    .optionsGroup('Servers of yours instead of scenarios:')
    .option('--target <url>', 'http:// or https://; several are arms of the same blocks', collect)
    .option('--name <name=url>', 'what a --target is called (default: host and path)', collect)
    .option('--i-own-this-target', 'says that load may be sent to every --target')
    .option('--max-rate <number>', 'requests/s at most to another host (default: 1000)')
    .option('--max-duration <time>', 'load at most to another host (default: 60s)')
    .option('--config <file>', 'these options as a file (default: trustbench.config.ts or .json)')
  addCredentialOptions(command)
  addClientOptions(command)
  return addRequestOptions(command).optionsGroup('Options:')
}

/** Adds the options that say with which credentials a server is asked. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option('--cert <file>', 'client certificate with its chain, PEM')
    .option('--key <file>', 'its private key, PEM')
    .option('--ca <file>', 'anchors by which the target is judged, PEM (default: those of Node)')
    .option('--issuer <url>', 'authorization server, by discovery (OpenID, RFC 8414)')
    .option('--token-url <url>', 'or its token endpoint alone')
    .option('--issuer-ca <file>', 'anchors by which it is judged, PEM (default: --ca and Node’s)')
    .option('--client-id <id>', 'whose tokens: client credentials')
    .addOption(
      new Option(
        '--client-auth <method>',
        'how the client authenticates (default: by what there is)',
      ).choices(clientAuthMethods),
    )
    .option('--client-secret-file <file>', 'its secret; or variable TRUSTBENCH_CLIENT_SECRET')
    .option('--client-key-file <file>', 'its private key, JWK or PEM, for private_key_jwt')
    .option('--scope <scope>', 'scope of the tokens')
    .option('--resource <uri>', 'resource indicator of the tokens (RFC 8707)')
    .option('--audience <name>', 'audience of the tokens')
    .option('--token-file <file>', 'a token that something else fetches')
}

/** Adds the options of many clients. */
export function addClientOptions(command: Command): Command {
  return command
    .option('--clients <number>', 'distinct clients: {client} or {client:6} in their files and ids')
    .option('--first-client <number>', 'number of the first (default: 0)')
    .option('--identities <file>', 'or their files and ids, one JSON object a line')
}

/** Adds the options of what may be secret in a request itself. */
export function addContentOptions(command: Command): Command {
  return command
    .option('--header <name: value>', 'header of every request; @file reads its value', collect)
    .option('--body-file <file>', 'body of every request')
}

function addRequestOptions(command: Command): Command {
  return addContentOptions(command)
    .option('--method <method>', 'HTTP method (default: GET, with a body POST)')
    .option('--expect-status <number,…>', 'statuses that are right (default: 200)')
    .option('--expect-body-digest <sha256>', 'the only body that is right')
    .option(
      '--cpu-pid <pid,…>',
      'count the CPU of these processes of this machine and their children',
    )
    .option('--prometheus <url>', 'ask this server for the CPU of the target')
    .option('--prometheus-query <query>', 'a counter of CPU seconds')
}

/** The targets of the options, each with the options of all; none where nothing names any. Throws usage errors. */
export function targetSettingsOf(options: TargetCommandOptions): TargetSettings[] {
  const urls = options.target ?? []
  if (urls.length === 0) {
    const foreign = targetOnly.find((name) => options[name] !== undefined)
    if (foreign !== undefined) throw new BenchError('usage', `--${dashed(foreign)} needs --target`)
    return []
  }
  const names = namesOf(options, urls)
  const common = requestSettingsOf(options)
  if (urls.length > 1 && (common.cpuPid !== undefined || common.prometheus !== undefined)) {
    throw new BenchError(
      'usage',
      '--cpu-pid and --prometheus are of one target: with several, a configuration file says whose they are',
    )
  }
  return urls.map((url) => {
    const name = names.get(parseWebUrl('--target', url).href)
    return { url, ...common, ...(name === undefined ? {} : { name }) }
  })
}

/** Refuses load on what nobody said is theirs; throws usage errors. */
export function assertOwned(
  targets: readonly TargetSettings[],
  { iOwnThisTarget }: TargetCommandOptions,
): void {
  const [first] = targets.map(({ url }) => storableUrl(parseWebUrl('--target', url)))
  if (first === undefined || iOwnThisTarget === true) return
  throw new BenchError(
    'usage',
    `--target ${first}: add --i-own-this-target if you may send load to it`,
  )
}

/** What is sent and expected, out of the options; throws usage errors. */
export function requestSettingsOf(options: TargetCommandOptions): RequestSettings {
  const { clientSecretFile, clientKeyFile, tokenFile, header, expectStatus, cpuPid } = options
  const { clients, firstClient } = options
  return {
    ...pickDefined(options, sameName),
    ...(clients === undefined ? {} : { clients: number('--clients', clients, [1, 1e6]) }),
    ...(firstClient === undefined
      ? {}
      : { firstClient: number('--first-client', firstClient, [0, 1e9]) }),
    ...(clientSecretFile === undefined ? {} : { clientSecret: fileRef(clientSecretFile) }),
    ...(clientKeyFile === undefined ? {} : { clientKey: fileRef(clientKeyFile) }),
    ...(tokenFile === undefined ? {} : { token: fileRef(tokenFile) }),
    ...(header === undefined ? {} : { headers: header.map(parseHeader) }),
    ...(expectStatus === undefined
      ? {}
      : { expectStatus: numbers('--expect-status', expectStatus, [100, 599]) }),
    ...(cpuPid === undefined ? {} : { cpuPid: numbers('--cpu-pid', cpuPid, [1, 2 ** 22]) }),
  }
}

function namesOf(
  { name = [] }: TargetCommandOptions,
  urls: readonly string[],
): Map<string, string> {
  const known = new Set(urls.map((url) => parseWebUrl('--target', url).href))
  return new Map(
    name.map((text) => {
      const { name: label, url } = parseName(text)
      if (!known.has(url.href)) {
        throw new BenchError(
          'usage',
          `--name ${label}: no --target is ${storableUrl(url)}, expected NAME=URL of one`,
        )
      }
      return [url.href, label]
    }),
  )
}

/** What a --name says: NAME=URL. Throws usage errors. */
export function parseName(text: string): { readonly name: string; readonly url: URL } {
  const [, name = '', url = ''] = /^([\w.-]{1,40})=(.*)$/s.exec(text) ?? []
  if (name !== '') return { name, url: parseWebUrl('--name', url) }
  throw new BenchError(
    'usage',
    '--name: expected NAME=URL, a name of up to 40 letters, digits, dots and dashes',
  )
}

/** A header as curl takes it, NAME: VALUE; a value that begins with @ is read from a file. Throws usage errors. */
export function parseHeader(text: string): HeaderSetting {
  const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/s.exec(text) ?? []
  // Without a name nothing of it is repeated: it may be a secret that lost its name.
  if (name === '') throw new BenchError('usage', '--header: expected NAME: VALUE, or NAME: @FILE')
  if (value.startsWith('@')) return { name, value: fileRef(value.slice(1)) }
  if (!holdsSecret(name)) return { name, value }
  throw new BenchError(
    'usage',
    `--header ${name}: a secret that all users of this machine could read here, give '${name}: @FILE'`,
  )
}

function fileRef(path: string): SecretRef {
  return { kind: 'file', path }
}

function number(option: string, text: string, [least, most]: readonly [number, number]): number {
  const value = Number(text)
  if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value
  throw new BenchError(
    'usage',
    `${option} ${text}: expected a whole number from ${least} to ${most}`,
  )
}

function numbers(option: string, text: string, [least, most]: readonly [number, number]): number[] {
  return text.split(',').map((one) => {
    const value = Number(one)
    if (/^\d{1,7}$/.test(one) && value >= least && value <= most) return value
    throw new BenchError(
      'usage',
      `${option} ${text}: expected whole numbers from ${least} to ${most}, separated by commas`,
    )
  })
}

/** Options that are the settings of a request by the same name. */
const sameName = [
  'cert',
  'key',
  'ca',
  'identities',
  'issuer',
  'tokenUrl',
  'issuerCa',
  'clientId',
  'clientAuth',
  'scope',
  'resource',
  'audience',
  'method',
  'bodyFile',
  'expectBodyDigest',
  'prometheus',
  'prometheusQuery',
] as const
/** Options that mean nothing without a target. */
export const targetOnly = [
  ...sameName,
  'name',
  'iOwnThisTarget',
  'maxRate',
  'maxDuration',
  'clients',
  'firstClient',
  'clientSecretFile',
  'clientKeyFile',
  'tokenFile',
  'header',
  'expectStatus',
  'cpuPid',
] as const
