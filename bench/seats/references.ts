import { BenchError } from '../errors.ts'
import { holdsSecret, type RequestSettings, type TargetSettings } from '../targets/settings.ts'
import { parseWebUrl, storableUrl } from '../targets/url.ts'
import type { SeatPlan } from './plan.ts'

// What is secret never passes through Redis: the plan names the options that hold it, and every seat must
// have been given the same ones, with files and variables of its own.

/** The options of a target that a plan tells by name alone. */
export function referencesOf({ url, headers = [], ...settings }: TargetSettings): string[] {
  const { search } = parseWebUrl('--target', url)
  return [
    ...(search === '' ? [] : ['--target']),
    ...named.flatMap(([key, option]) => (settings[key] === undefined ? [] : [option])),
    ...headers.filter(isReference).map(({ name }) => `--header ${name.toLowerCase()}`),
  ]
}

/** Headers that a plan may hold as they are. */
export function openHeadersOf({ headers = [] }: RequestSettings): Record<string, string> {
  return Object.fromEntries(
    headers.flatMap((header) =>
      isReference(header) || typeof header.value !== 'string'
        ? []
        : [[header.name.toLowerCase(), header.value]],
    ),
  )
}

/**
 * What a seat asks: the request of the plan with the credentials that the seat itself was given. Throws usage
 * errors where it was given others than the plan names, or is told to go where it was not told to.
 */
export function seatTarget(
  { target, credentials }: SeatPlan,
  given: readonly TargetSettings[],
): TargetSettings {
  const own = ownSettings(target.url, given)
  const references = referencesOf(own)
  assertPlaced(given, references)
  assertMethod(target.method, own, given)
  const missing = credentials.filter((option) => !references.includes(option))
  if (missing.length > 0) {
    throw new BenchError(
      'usage',
      `${missing.join(', ')}: the plan asks for it, give this seat its own`,
    )
  }
  const foreign = references.filter(
    (option) => option !== '--target' && !credentials.includes(option),
  )
  if (foreign.length > 0) {
    throw new BenchError(
      'usage',
      `${foreign.join(', ')}: the coordinator was not given it, leave it out or give it there too`,
    )
  }
  const { cpuPid: _, prometheus: __, prometheusQuery: ___, ...request } = own
  const open = Object.entries(target.headers).map(([name, value]) => ({ name, value }))
  return {
    ...request,
    name: target.label,
    method: target.method,
    headers: [...open, ...(own.headers ?? []).filter(isReference)],
    expectStatus: target.expectedStatuses,
    ...(target.expectedBodySha256 === null ? {} : { expectBodyDigest: target.expectedBodySha256 }),
  }
}

/** Whoever writes the plan says where load goes: credentials go where the seat's own user says. */
function assertPlaced(given: readonly TargetSettings[], references: readonly string[]): void {
  const secrets = references.filter((option) => !harmless.includes(option))
  if (given[0]?.url !== '' || secrets.length === 0) return
  throw new BenchError(
    'usage',
    `${secrets.join(', ')}: for which --target? Name the one that this seat may send it to`,
  )
}

/** A seat that was told where to go was told what to do there, too. */
function assertMethod(
  planned: string,
  { method, bodyFile }: RequestSettings,
  given: readonly TargetSettings[],
): void {
  const own = method?.toUpperCase() ?? (bodyFile === undefined ? 'GET' : 'POST')
  if (own === planned || (given[0]?.url === '' && method === undefined)) return
  throw new BenchError(
    'usage',
    `--method ${planned}: the plan asks for it, and this seat was told to send ${own}`,
  )
}

/** Of the targets that a seat names, the one of the plan; a seat that names none goes where the plan says. */
function ownSettings(planned: string, given: readonly TargetSettings[]): TargetSettings {
  const shown = given.map(({ url }) =>
    url === '' ? '' : storableUrl(parseWebUrl('--target', url)),
  )
  const found = given[shown.indexOf(planned)]
  if (found !== undefined) return found
  const [first] = given
  if (first?.url === '') return { ...first, url: planned.replace(/\?…$/, '') }
  throw new BenchError(
    'usage',
    `--target ${shown.join(', ')}: the plan is for ${planned}, which this seat was not told to load`,
  )
}

function isReference({ name, value }: { readonly name: string; readonly value: unknown }): boolean {
  return typeof value !== 'string' || holdsSecret(name)
}

/** What nobody learns anything by. */
const harmless = ['--target', '--ca', '--issuer-ca']
/** Settings by the options that set them; a client's secret may come by a variable instead, so each side has its own. */
const named = [
  ['cert', '--cert'],
  ['key', '--key'],
  ['ca', '--ca'],
  ['issuer', '--issuer'],
  ['tokenUrl', '--token-url'],
  ['issuerCa', '--issuer-ca'],
  ['clientId', '--client-id'],
  ['clientAuth', '--client-auth'],
  ['clientKey', '--client-key-file'],
  ['scope', '--scope'],
  ['resource', '--resource'],
  ['audience', '--audience'],
  ['token', '--token-file'],
  ['bodyFile', '--body-file'],
] as const
