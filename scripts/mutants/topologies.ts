import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'
import { anonymousAllowed, rogueByName, verifyByHand } from './mutual-tls.ts'

const jwtGuard = 'servers/guards/bearer-jwt.ts'
const sidecar = 'servers/mesh-sidecar.ts'
const service = 'servers/jwt.ts'
const api = 'servers/partner-api.ts'
const demo =
  "{ clientId: 'demo', scopes: ['payments:read'], orgId: 'acme', confirmation: undefined }"

/** Bugs of one hop of several: each check of a hop is missing once, while all others are there. */
export const topologyMutants: readonly Mutant[] = [
  // The first hop of each: what it lets through meets the next one, so only that it did can be seen.
  behind(
    'M15',
    'mtls-gateway',
    'the gateway asks who calls, and not for whose payments',
    [
      edit(
        'servers/mtls-gateway.ts',
        'guards: [certificate.guard, tenant]',
        'guards: [certificate.guard]',
      ),
    ],
    /accepted: 2/,
  ),
  behind('J15', 'token-gateway', 'the gateway leaves scopes to the sidecar', [
    edit('servers/token-gateway.ts', 'bearerOnly, scope, tenant]', 'bearerOnly, tenant]'),
  ]),
  behind('J22', 'token-gateway', 'the gateway leaves confirmations to the sidecar', [
    edit('servers/token-gateway.ts', ', bearerOnly, scope', ', scope'),
  ]),
  behind('J16', 'token-gateway', 'the gateway leaves tenants to the sidecar', [
    edit('servers/token-gateway.ts', 'scope, tenant]', 'scope]'),
  ]),
  behind(
    'C10',
    'sidecar',
    'scope is not checked',
    [
      edit(
        'servers/bound-sidecar.ts',
        'certificateBinding, scope, tenant]',
        'certificateBinding, tenant]',
      ),
    ],
    /accepted: 2/,
  ),

  // Hops behind, as the one before would call them that is in the hands of an attacker.
  hop(
    'H1',
    'token-gateway',
    'the sidecar serves who has no certificate',
    anonymousAllowed(sidecar),
  ),
  hop(
    'H2',
    'token-gateway',
    'the sidecar knows its CA by name',
    verifyByHand(sidecar, rogueByName),
  ),
  hop('H3', 'token-gateway', 'the sidecar lets in whoever the CA knows', [
    edit(sidecar, 'createPeerGuard(certificate.guard), ', ''),
  ]),
  hop('H9', 'token-gateway', 'the sidecar leaves tenants to the gateway', [
    edit(sidecar, 'scope, tenant]', 'scope]'),
  ]),
  hop('H10', 'token-gateway', 'the sidecar leaves scopes to the gateway', [
    edit(sidecar, 'bearerOnly, scope, tenant]', 'bearerOnly, tenant]'),
  ]),
  hop('H11', 'token-gateway', 'the sidecar leaves confirmations to the gateway', [
    edit(sidecar, 'bearerOnly, scope', 'scope'),
  ]),
  hop('H4', 'mtls-gateway', 'the service trusts its network', [
    edit(
      'servers/guards/bearer.ts',
      "if (typeof bearer !== 'string') return bearer",
      `if (bearer === noToken) {
      caller.token = ${demo}
      return null
    }
    if (typeof bearer !== 'string') return bearer`,
    ),
  ]),
  hop(
    'H5',
    'mtls-gateway',
    'the service does not look at signatures',
    forgiving("error.code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'"),
  ),
  hop(
    'H6',
    'mtls-gateway',
    'the service takes any algorithm',
    forgiving("error.code === 'ERR_JOSE_ALG_NOT_ALLOWED'"),
  ),
  hop(
    'H7',
    'mtls-gateway',
    'the service leaves expiry to the gateway',
    forgiving("error.code === 'ERR_JWT_EXPIRED'"),
  ),
  hop(
    'H8',
    'mtls-gateway',
    'the service takes tokens for any audience',
    forgiving("error.claim === 'aud'"),
  ),
  hop('H9', 'mtls-gateway', 'the service leaves tenants to the gateway', [
    edit(service, 'scope, tenant]', 'scope]'),
  ]),
  hop('H10', 'mtls-gateway', 'the service leaves scopes to the gateway', [
    edit(service, 'bearerOnly, scope, tenant]', 'bearerOnly, tenant]'),
  ]),
  hop('H11', 'mtls-gateway', 'the service takes bound tokens for bearer tokens', [
    edit(service, ', bearerOnly, scope', ', scope'),
  ]),

  partner('P1', 'tenants are compared by how they begin', [
    edit(
      'servers/guards/tenant.ts',
      'orgId === requires.orgId',
      'requires.orgId.startsWith(orgId)',
    ),
  ]),
  partner('P2', 'scopes of the token are taken for what was agreed', [
    edit(
      'servers/guards/partner.ts',
      "scopes.has(exchange.requires.scope) ? null : refuse('not_agreed')",
      "exchange.caller.token?.scopes.includes(exchange.requires.scope) ? null : refuse('not_agreed')",
    ),
  ]),
  partner('P3', 'the quota is that of a connection', [
    edit(api, 'keyGenerator: nameOf,', 'keyGenerator: ({ raw }) => String(raw.socket.remotePort),'),
    edit(api, 'config.partners[name]?.quotaPerMinute ?? 0', '1'),
  ]),
]

/** A bug of the first hop, which the next one catches. */
function behind(
  id: string,
  scenario: string,
  bug: string,
  edits: readonly Edit[],
  outcome = /but the handler ran/,
): Mutant {
  return { id, verify: [scenario], bug, edits, outcome }
}

function hop(id: string, scenario: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: [scenario], bug, edits }
}

function partner(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: ['integrations', '--set', 'credential=token'], bug, edits }
}

/** A token with this fault is taken all the same. */
function forgiving(fault: string): Edit[] {
  return [
    edit(
      jwtGuard,
      'return refusalOf(error)',
      `return ${fault} ? { token: ${demo}, expiresAtMs: Infinity } : refusalOf(error)`,
    ),
  ]
}
