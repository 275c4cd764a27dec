import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv, type ErrorObject } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { BenchError } from '../errors.ts'
import { ConfigSchema, type RequestConfig, type TrustbenchConfig } from './config-schema.ts'
import { defined } from './defined.ts'
import {
  holdsSecret,
  type HeaderSetting,
  type RequestSettings,
  type SecretRef,
} from './settings.ts'

/** A configuration file that was read and found good. */
export interface LoadedConfig {
  readonly file: string
  readonly config: TrustbenchConfig
}

/** The configuration file of a folder; null without one. */
export function findConfig(folder: string): string | null {
  return (
    fileNames.map((name) => join(folder, name)).find((candidate) => existsSync(candidate)) ?? null
  )
}

/** Reads a configuration file, JSON or a TypeScript module; throws usage errors that name path, value and what is allowed. */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const path = resolve(file)
  if (!existsSync(path)) throw new BenchError('usage', `--config ${file}: there is no such file`)
  const value = /\.[cm]?[jt]s$/.test(path) ? await importDefault(path, file) : readJson(path, file)
  return { file: path, config: parseConfig(value, file) }
}

/** A configuration out of what is not known to be one; throws usage errors. */
export function parseConfig(value: unknown, origin: string): TrustbenchConfig {
  if (!validate(value)) {
    // Of alternatives, the branches complain first and then all of them together.
    const error = validate.errors?.at(-1)
    throw new BenchError(
      'usage',
      `${origin}: ${error === undefined ? 'not valid' : explain(error)}`,
    )
  }
  for (const { path, headers } of headersOf(value)) assertNoSecrets(origin, path, headers)
  return value
}

/** How a target is asked, with what is told of all of them, as the measuring part takes it. */
export function requestOf(
  common: RequestConfig,
  own: RequestConfig,
  file: string,
): RequestSettings {
  const merged: RequestConfig = {
    ...common,
    ...own,
    headers: { ...common.headers, ...own.headers },
  }
  const folder = dirname(file)
  const path = (name: string | undefined) =>
    name === undefined ? undefined : resolve(folder, name)
  const { clientSecret, clientKey, token, headers = {}, expectStatus, cpuPid } = merged
  return defined({
    cert: path(merged.cert),
    key: path(merged.key),
    ca: path(merged.ca),
    identities: path(merged.identities),
    clients: merged.clients,
    firstClient: merged.firstClient,
    issuerCa: path(merged.issuerCa),
    bodyFile: path(merged.bodyFile),
    issuer: merged.issuer,
    tokenUrl: merged.tokenUrl,
    clientId: merged.clientId,
    clientAuth: merged.clientAuth,
    scope: merged.scope,
    resource: merged.resource,
    audience: merged.audience,
    method: merged.method,
    expectBodyDigest: merged.expectBodyDigest,
    prometheus: merged.prometheus,
    prometheusQuery: merged.prometheusQuery,
    clientSecret: secretRef(clientSecret, folder),
    clientKey: secretRef(clientKey, folder),
    token: secretRef(token, folder),
    headers: Object.entries(headers).map(([name, value]): HeaderSetting => ({
      name,
      value: typeof value === 'string' ? value : (secretRef(value, folder) ?? ''),
    })),
    expectStatus: expectStatus === undefined ? undefined : [expectStatus].flat(),
    cpuPid: cpuPid === undefined ? undefined : [cpuPid].flat(),
  })
}

function secretRef(
  secret: { readonly file?: string; readonly env?: string } | undefined,
  folder: string,
): SecretRef | undefined {
  if (secret?.file !== undefined) return { kind: 'file', path: resolve(folder, secret.file) }
  return secret?.env === undefined ? undefined : { kind: 'env', name: secret.env }
}

async function importDefault(path: string, shown: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(path).href)
    if (typeof module === 'object' && module !== null && 'default' in module) return module.default
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error)
    throw new BenchError('usage', `--config ${shown}: cannot be run: ${why}`, { cause: error })
  }
  throw new BenchError(
    'usage',
    `--config ${shown}: has no default export, expected export default defineConfig({ … })`,
  )
}

function readJson(path: string, shown: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    // Where the text is broken is told, not the text: it may be a secret that should not be there.
    const place = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read'
    throw new BenchError('usage', `--config ${shown}: ${place}`, { cause: error })
  }
}

function explain({ instancePath, keyword, params, data, parentSchema }: ErrorObject): string {
  const place = placeOf(instancePath)
  if (keyword === 'additionalProperties') return unknownKey(place, params, parentSchema)
  if (keyword === 'required') return `${joined(place, String(params['missingProperty']))}: missing`
  const told = isSecret(instancePath) || typeof data === 'object' ? '' : ` ${JSON.stringify(data)}`
  return `${place || 'the whole'}${told}: expected ${allowedBy(keyword, params, parentSchema)}`
}

function unknownKey(
  place: string,
  params: ErrorObject['params'],
  schema: ErrorObject['parentSchema'],
): string {
  const key = String(params['additionalProperty'])
  const properties: unknown = schema?.['properties']
  const known = typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  const near = known.length === 0 ? '' : closest(key, known)
  const hint =
    near !== '' && distance(key, near) <= 2
      ? `did you mean ${near}?`
      : `known are ${known.join(', ')}`
  return `${joined(place, key)}: no such option, ${hint}`
}

function allowedBy(
  keyword: string,
  params: ErrorObject['params'],
  schema: ErrorObject['parentSchema'],
): string {
  const allowed: unknown = params['allowedValues']
  if (keyword === 'enum' && Array.isArray(allowed)) return allowed.join(', ')
  const description: unknown = schema?.['description']
  const told = typeof description === 'string' ? description : null
  switch (keyword) {
    case 'type':
      return [told, String(params['type'])].filter((part) => part !== null).join(': ')
    case 'minimum':
    case 'exclusiveMinimum':
    case 'maximum':
      return `a number ${String(params['comparison'])} ${String(params['limit'])}`
    case 'minItems':
    case 'minLength':
      return 'at least one'
    default:
      return told ?? keyword
  }
}

/** `/targets/0/method` as one writes it: targets[0].method. */
function placeOf(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((place, part) => (/^\d+$/.test(part) ? `${place}[${part}]` : joined(place, part)), '')
}

function joined(place: string, key: string): string {
  return place === '' ? key : `${place}.${key}`
}

/** Where a value might be a secret that somebody wrote into the file: it is not repeated. */
function isSecret(instancePath: string): boolean {
  return /\/(clientSecret|clientKey|token|headers)(\/|$)/.test(instancePath)
}

function headersOf(config: TrustbenchConfig) {
  return [
    { path: 'headers', headers: config.headers },
    ...config.targets.map(({ headers }, index) => ({
      path: `targets[${index}].headers`,
      headers,
    })),
  ]
}

/** What is committed must hold no secret. */
function assertNoSecrets(
  origin: string,
  path: string,
  headers: TrustbenchConfig['headers'] = {},
): void {
  const open = Object.entries(headers).find(
    ([name, value]) => typeof value === 'string' && holdsSecret(name),
  )
  if (open === undefined) return
  throw new BenchError(
    'usage',
    `${origin}: ${path}.${open[0]}: a secret, expected { "file": path } or { "env": variable }`,
  )
}

const validate = new Ajv({ verbose: true, strict: false }).compile<TrustbenchConfig>(ConfigSchema)
const fileNames = ['trustbench.config.ts', 'trustbench.config.json'] as const
