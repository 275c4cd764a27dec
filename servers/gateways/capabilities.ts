import type { GatewayProduct, ServerConfig } from '../config.ts'
import { absenceOf, installAdvice, titleOf } from './presence.ts'
import type { Presence } from './presence.ts'
import { productNames } from './product.ts'

/** What of a configuration products differ in. */
export interface Demand extends Pick<ServerConfig, 'token' | 'bodyBytes' | 'workers'> {
  readonly isOcspAsked: boolean
  /** Clients bring certificates. */
  readonly mutual: boolean
  /** What it brings to another hop; null where there is none. */
  readonly upstream: { readonly ownTokens: boolean; readonly tokenBytes: number } | null
  /** Null where no token is checked. */
  readonly issuer: {
    readonly algorithms: readonly string[]
    readonly tokenCacheMs: number
    readonly introspectionCacheMs: number
    readonly verifier: string
  } | null
}

/** Why a product, as it is installed here, cannot do what is asked; null where it can. */
export function obstacleTo(demand: Demand, presence: Presence): string | null {
  const absent = absenceOf(presence)
  if (absent !== null) return absent
  const title = titleOf(presence)
  const obstacle = limits.find(({ applies }) => applies(demand, presence))
  if (obstacle === undefined) return null
  return `not supported by ${title}: ${obstacle.why(presence.product)}`
}

/** Something that a product does not do. */
interface Limit {
  readonly applies: (demand: Demand, presence: Presence) => boolean
  readonly why: (product: GatewayProduct) => string
}

/** Something that some products do not do with tokens. */
function tokenLimit(
  products: readonly GatewayProduct[],
  why: string,
  applies: (demand: Demand, issuer: NonNullable<Demand['issuer']>) => boolean,
): Limit {
  return {
    applies: (demand, { product }) =>
      products.includes(product) && demand.issuer !== null && applies(demand, demand.issuer),
    why: () => why,
  }
}

const everywhere: readonly GatewayProduct[] = ['nginx', 'haproxy', 'apache', 'envoy']

/** In the order in which they are told: one is. */
const limits: readonly Limit[] = [
  {
    applies: ({ token }, { checksTokens }) => token !== 'none' && !checksTokens,
    why: (product) => `it checks no tokens without its module: ${installAdvice(product)}`,
  },
  {
    applies: ({ isOcspAsked }, { product }) => isOcspAsked && product !== 'nginx',
    why: () => 'it does not ask an OCSP responder about client certificates here (only nginx does)',
  },
  {
    applies: ({ upstream }, { product }) => upstream !== null && product === 'envoy',
    why: () => 'hops behind it are not set up here, use nginx, haproxy or apache',
  },
  {
    applies: ({ upstream }, { product }) =>
      product !== 'haproxy' &&
      upstream?.ownTokens === true &&
      upstream.tokenBytes > longestConfiguredToken,
    why: () =>
      `its configuration takes no words of more than ${longestConfiguredToken} bytes, leave tokenBytes out`,
  },
  {
    applies: ({ bodyBytes, upstream }) => bodyBytes > 0 && upstream === null,
    why: () => 'gateways answer with the payment alone, leave bodyBytes out',
  },
  tokenLimit(
    everywhere,
    'verifier names a library of the Node servers, leave it out',
    (_, issuer) => {
      return issuer.verifier !== 'jose'
    },
  ),
  tokenLimit(
    ['haproxy', 'envoy'],
    'it has no introspection (RFC 7662)',
    ({ token }) => token === 'opaque',
  ),
  tokenLimit(
    ['haproxy'],
    'its jwt_verify is used here with ES256, ES384 and RS256 alone',
    ({ token }, { algorithms }) =>
      token === 'jwt' && algorithms.some((one) => ['PS256', 'EdDSA', 'HS256'].includes(one)),
  ),
  tokenLimit(
    ['nginx', 'apache'],
    'its verifier knows no EdDSA',
    ({ token }, { algorithms }) => token === 'jwt' && algorithms.includes('EdDSA'),
  ),
  tokenLimit(
    ['envoy'],
    'HS256 is not set up for it here',
    ({ token }, { algorithms }) => token === 'jwt' && algorithms.includes('HS256'),
  ),
  tokenLimit(
    ['envoy'],
    'it does not compare cnf with the client certificate (RFC 8705)',
    ({ mutual }) => mutual,
  ),
  tokenLimit(
    ['nginx', 'haproxy', 'envoy'],
    'it keeps no verified tokens, leave tokenCache out',
    ({ token }, { tokenCacheMs }) => token === 'jwt' && tokenCacheMs > 0,
  ),
  {
    applies: ({ workers }, { product }) => workers > 1 && product === 'envoy',
    why: (product) => `workers of ${productNames[product]} are not set up here`,
  },
]
/** Tokens of a product's own are words of its configuration: nginx takes 4,096 bytes, Apache 8,192 a line. */
const longestConfiguredToken = 2_048
