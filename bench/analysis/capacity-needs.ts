import type { Demand, MechanismShare } from '../demand.ts'
import { BenchError } from '../errors.ts'
import type { ArmRecord, Run } from '../results.ts'
import { caseId } from '../cases.ts'
import type { Parameters } from '../scenario.ts'
import { measuredBlocks } from './reading.ts'

/** What is known of a scenario without measuring it. */
export interface ScenarioFacts {
  /** Every parameter with its default. */
  readonly defaults: Parameters
  readonly token: 'none' | 'jwt' | 'opaque'
  readonly tls: boolean
}

/** Facts of a scenario under parameters; throws a usage error for one that does not exist, or does not take them. */
export type FactsOf = (scenario: string, parameters: Parameters) => ScenarioFacts

/** A case that requests are of: those that a cache answers are one, the others another. */
export interface CasePart {
  readonly parameters: Parameters
  /** Of the mechanism's requests. */
  readonly share: number
  /** Of these requests, those for which the authorization server is asked. */
  readonly introspections: number
}

/** A figure that a demand needs measured. */
export interface Need {
  readonly kind: 'requests' | 'open' | 'connections' | 'grants' | 'memory'
  readonly scenario: string
  readonly parameters: Parameters
}

/** A run that would bring what is missing: arguments of `bench`, and how long it takes. */
export interface MissingRun {
  readonly command: readonly string[]
  readonly seconds: number
}

/** The cases that a mechanism's requests are of; throws usage errors where the demand leaves that open. */
export function partsOf(
  { scenario, parameters }: MechanismShare,
  { hitRatio }: Pick<Demand, 'hitRatio'>,
  factsOf: FactsOf,
): CasePart[] {
  const { token } = factsOf(scenario, parameters)
  const asks = token === 'opaque' ? 1 : 0
  const cache = cacheOf(token, parameters)
  const measuredAt = parameters['hitRatio'] ?? ''
  if (measuredAt !== '') {
    if (hitRatio !== null) {
      throw new BenchError(
        'usage',
        `hit ratio ${hitRatio}: the parameter hitRatio=${measuredAt} of ${scenario} says the same, give one`,
      )
    }
    return [{ parameters, share: 1, introspections: asks * (1 - Number(measuredAt)) }]
  }
  if (hitRatio === null || cache === null) {
    if (hitRatio === null && (parameters['introspectionCache'] ?? 'off') !== 'off' && asks > 0) {
      throw new BenchError(
        'usage',
        `introspectionCache=${parameters['introspectionCache'] ?? ''} of ${scenario}: a cache is worth what it answers, add a hit ratio`,
      )
    }
    return [{ parameters, share: 1, introspections: asks }]
  }
  const cached = { ...parameters, ...cache }
  return [
    { parameters: { ...cached, hitRatio: '1' }, share: hitRatio, introspections: 0 },
    { parameters: { ...cached, hitRatio: '0' }, share: 1 - hitRatio, introspections: asks },
  ].filter(({ share }) => share > 0)
}

/** Everything that a demand needs measured; throws usage errors where it asks for what cannot be. */
export function needsOf(demand: Demand, factsOf: FactsOf): Need[] {
  const { mechanisms, requestsPerConnection, hitRatio, clients, tokenLifetimeUs } = demand
  const facts = mechanisms.map(({ scenario, parameters }) => factsOf(scenario, parameters))
  const hasCache = mechanisms.some(
    ({ parameters }, index) => cacheOf(facts[index]?.token ?? 'none', parameters) !== null,
  )
  if (hitRatio !== null && !hasCache) {
    throw new BenchError(
      'usage',
      `hit ratio ${hitRatio}: no mechanism has a cache; it is for introspection, combined with token=opaque, or jwt with tokenCache=on`,
    )
  }
  const hasTokens = facts.some(({ token }) => token !== 'none')
  if (tokenLifetimeUs !== null && !hasTokens) {
    throw new BenchError(
      'usage',
      `token lifetime ${tokenLifetimeUs / 1e6} s: no mechanism has tokens, leave it out`,
    )
  }
  const requests = mechanisms.flatMap((mechanism) =>
    partsOf(mechanism, demand, factsOf).flatMap(({ parameters }): Need[] =>
      (['requests', 'open'] as const).map((kind) => ({
        kind,
        scenario: mechanism.scenario,
        parameters,
      })),
    ),
  )
  const connections = mechanisms.map(({ scenario, parameters }): Need => ({
    kind: 'connections',
    scenario,
    parameters,
  }))
  const [first] = mechanisms
  return [
    ...requests,
    ...(requestsPerConnection === null ? [] : connections),
    ...(tokenLifetimeUs === null || clients === null ? [] : [grants]),
    ...(demand.memoryPerInstanceBytes === null || first === undefined
      ? []
      : [{ ...first, kind: 'memory' } as const]),
  ]
}

/** Runs to make for what is missing: cases with equal settings in one, which interleaves them. */
export function missingRuns(
  missing: readonly Need[],
  { resumedShare }: Pick<Demand, 'resumedShare'>,
  factsOf: FactsOf,
): MissingRun[] {
  // Without TLS there is no session that could be resumed.
  const wordsOf = ({ kind, scenario, parameters }: Need) =>
    loadWords(kind, factsOf(scenario, parameters).tls ? resumedShare : 0)
  const groups = Map.groupBy(missing, (need) =>
    JSON.stringify([need.kind, settingsOf(need.kind, need.parameters), wordsOf(need)]),
  )
  return [...groups.values()].flatMap((needs) => {
    const [first] = needs
    if (first === undefined) return []
    const { kind, parameters } = first
    const names = [...new Set(needs.map(({ scenario }) => scenario))]
    const settings = settingsOf(kind, parameters).flatMap((setting) => ['--set', setting])
    const seconds = secondsOf[kind] + secondsOfEach[kind] * names.length
    return [{ command: [...names, ...settings, ...wordsOf(first)], seconds }]
  })
}

/** The arm of a run that is of this case: equal in every parameter, those that it lacks having their default. */
export function armOf(
  { arms }: Pick<Run, 'arms'>,
  { scenario, parameters }: Pick<Need, 'scenario' | 'parameters'>,
  factsOf: FactsOf,
): ArmRecord | null {
  const { defaults } = factsOf(scenario, parameters)
  const wanted = caseId(scenario, { ...defaults, ...parameters })
  const found = arms.find(
    (arm) =>
      arm.scenario === scenario &&
      arm.outcome === 'measured' &&
      caseId(scenario, { ...defaults, ...arm.parameters }) === wanted,
  )
  return found ?? null
}

/** Why a run may not stand for anything: what it was for, or how it ended; null where it may. */
export function unfitness({ runId, mode, complete, blocks, incompleteReason }: Run): string | null {
  if (mode === 'smoke') return `${runId} is a smoke run, which measures nothing`
  if (!complete) return `${runId} is incomplete: ${incompleteReason ?? 'no reason is stored'}`
  return measuredBlocks(blocks).length < fewestBlocks
    ? `${runId} has ${measuredBlocks(blocks).length} measured blocks, ${fewestBlocks} are needed for an interval`
    : null
}

/** The cache that a mechanism may have, as parameters; null for none. */
function cacheOf(token: ScenarioFacts['token'], parameters: Parameters): Parameters | null {
  const set = parameters['introspectionCache'] ?? 'off'
  if (token === 'opaque') return { introspectionCache: set === 'off' ? '60s' : set }
  return token === 'jwt' && parameters['tokenCache'] === 'on' ? { tokenCache: 'on' } : null
}

/** The parts of a mechanism differ by the hit ratio alone: both are in one run. */
function settingsOf(kind: Need['kind'], parameters: Parameters): string[] {
  const settings = Object.entries(parameters)
    .filter(([name, value]) => value !== '' && name !== 'hitRatio')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
  const { hitRatio = '' } = parameters
  const ratios = hitRatio === '0' || hitRatio === '1' ? '0,1' : hitRatio
  return [
    ...settings,
    ...(ratios === '' ? [] : [`hitRatio=${ratios}`]),
    ...(kind === 'memory' ? [`connections=${fewConnections},${manyConnections}`] : []),
  ]
}

function loadWords(kind: Need['kind'], resumedShare: number): string[] {
  if (kind === 'open') return ['--curve', '--rates', openRates, '--blocks', '5']
  if (kind !== 'connections') return []
  const policy = [resumedShare < 1 ? 'full' : null, resumedShare > 0 ? 'resumed' : null]
  return [
    ...['--load', 'churn', '--policy', policy.filter((one) => one !== null).join(',')],
    ...['--requests-per-connection', '1,10,inf'],
  ]
}

const grants: Need = { kind: 'grants', scenario: 'token-issuance', parameters: {} }
const secondsOf: Readonly<Record<Need['kind'], number>> = {
  requests: 80,
  open: 20,
  connections: 80,
  grants: 80,
  memory: 80,
}
const secondsOfEach: typeof secondsOf = {
  requests: 15,
  open: 60,
  connections: 40,
  grants: 15,
  memory: 15,
}
/** Idle times of 3 and of 0.6 ms: a server that has gone cold, and one on its way there. */
const openRates = '300,1500'
/** Between so many connections memory is told apart. */
export const fewConnections = 8
export const manyConnections = 1000
/** Below it the bootstrap has nothing to draw from. */
const fewestBlocks = 4
