import type { GatewayProduct } from '../servers/config.ts'
import { obstacleTo } from '../servers/gateways/capabilities.ts'
import { findGateway, titleOf, type Presence } from '../servers/gateways/presence.ts'
import { labSettings } from './lab-settings.ts'
import type { Preflight, Warning } from './results.ts'
import type { Case, Parameters } from './scenario.ts'

/** The product that a case is served by; null for the reference server. */
export function gatewayOf({ gateway }: Parameters): GatewayProduct | null {
  return products.find((product) => product === gateway) ?? null
}

/** The program in `servers/` that serves a case. */
export function programOf({ scenario, parameters }: Case): string {
  return gatewayOf(parameters) === null ? scenario.server : 'gateway'
}

/**
 * Why a case cannot be measured here: its product is not installed, or does not do what the case is about;
 * null where it can.
 */
export function obstacleOf({ scenario, parameters }: Case): string | null {
  const product = gatewayOf(parameters)
  const ocsp = parameters['ocsp'] ?? 'off'
  if (product === null)
    return ocsp === 'off'
      ? null
      : `ocsp=${ocsp}: the Node servers ask no responder, add --gateway nginx`
  if (process.platform !== 'linux')
    return `${product}: gateways are measured on Linux alone, by the CPU of their processes`
  const settings = labSettings(parameters)
  if (settings.hitRatio !== null)
    return `hitRatio=${settings.hitRatio}: gateways do not count hits of their caches, leave it out`
  const { certificate, token } = scenario.credentials(parameters)
  const edge = scenario.hops?.[0]
  return obstacleTo(
    {
      token,
      mutual: certificate,
      upstream:
        edge === undefined
          ? null
          : { ownTokens: edge.brings === 'own-token', tokenBytes: settings.tokenBytes },
      bodyBytes: settings.bodyBytes,
      workers: settings.workers,
      isOcspAsked: ocsp !== 'off',
      issuer: token === 'none' ? null : { ...settings, algorithms: [settings.algorithm] },
    },
    presenceOf(product),
  )
}

/** The mark on a product's numbers: what it refuses as it must, and what else it does; null where it refuses all. */
export function gapWarning(caseId: string, preflight: Preflight): Warning | null {
  const { product, refused, tried, refusals } = preflight
  if (product === undefined) return null
  const told = gapKinds.flatMap((kind) => {
    const rows = refusals.filter(({ gap }) => gap === kind)
    const names = rows.map(({ id, describe }) => (kind === 'accepted' ? `${id} (${describe})` : id))
    return names.length === 0 ? [] : [`${kind}: ${names.join(', ')}`]
  })
  if (told.length === 0) return null
  return {
    code: 'gateway-gaps',
    message: `${scenarioOf(caseId)}: ${product} as set up here refuses ${refused} of ${tried} bad credentials as it must; ${told.join('; ')}`,
    advice:
      'npm run verify shows each; a cost beside a credential that gets in is the cost of less',
  }
}

/** What a product's configuration here leaves open although no bad credential shows it; null where nothing. */
export function caveatOf(trial: Case): Warning | null {
  const { scenario, parameters } = trial
  const caveat = caveats.find(
    ({ product, applies }) => product === gatewayOf(parameters) && applies(trial),
  )
  if (caveat === undefined) return null
  const { message, advice } = caveat
  return { code: 'gateway-gaps', message: `${scenario.name}: ${message}`, advice }
}

interface Caveat extends Pick<Warning, 'message' | 'advice'> {
  readonly product: GatewayProduct
  readonly applies: (trial: Case) => boolean
}

function scenarioOf(caseId: string): string {
  return caseId.split('/', 1)[0] ?? caseId
}

/** Versions of the products that some cases are served by, for the environment of a run. */
export function gatewayVersions(cases: readonly Case[]): Record<string, string> {
  const used = new Set(cases.flatMap(({ parameters }) => gatewayOf(parameters) ?? []))
  return Object.fromEntries(
    [...used].map((product) => [product, presenceOf(product).version ?? 'missing']),
  )
}

/** Every product, as it is installed here; null where it is not. */
export function installedGateways(): { product: GatewayProduct; title: string | null }[] {
  return products.map((product) => {
    const presence = presenceOf(product)
    return { product, title: presence.program === null ? null : titleOf(presence) }
  })
}

/** Looked for once: what is installed while a run goes on is not in it. */
function presenceOf(product: GatewayProduct): Presence {
  const known = presences.get(product) ?? findGateway(product)
  presences.set(product, known)
  return known
}

const caveats: readonly Caveat[] = [
  {
    product: 'apache',
    applies: ({ scenario, parameters }) => scenario.credentials(parameters).token === 'opaque',
    message:
      'Apache asks the authorization server without verifying its certificate, since mod_oauth2 takes no CA for it but those of the system',
    advice:
      'with a certificate that the system trusts it would verify it, and each question cost more',
  },
  {
    product: 'apache',
    applies: ({ scenario }) => scenario.hops !== undefined,
    message:
      'Apache drops request headers by name alone: those in which a client could claim to be somebody are dropped here, others it sends reach the next hop',
    advice: 'in front of a service that trusts a header of its own, drop that one, too',
  },
]
const gapKinds = ['accepted', 'refused otherwise', 'not tried'] as const
const presences = new Map<GatewayProduct, Presence>()
const products = [
  'nginx',
  'haproxy',
  'apache',
  'envoy',
] as const satisfies readonly GatewayProduct[]
