import { insufficientScope, invalidToken, refusedWith } from '../attempt.ts'
import type { Attempt, Expectation, Probe } from '../attempt.ts'
import { bearer, paymentPath } from '../scene.ts'
import type { Presentation, Scene, Tokens } from '../scene.ts'

/** J1, J15, J19 to J22: what any server that takes bearer tokens must refuse, whatever their form (RFC 6750). */
export function bearerAttempts(scene: Scene, tokens: Tokens): Attempt[] {
  const { good } = tokens
  const query = `${paymentPath('acme')}?access_token=${good}`
  // Two long tokens would be refused for their length, which is another matter.
  const second = good.length < maxHeaderBytes / 4 ? good : 'another'
  const both = `${paymentPath('acme')}?access_token=${second}`
  const badRequest = (reason: string): Expectation => ({
    kind: 'response',
    status: 400,
    error: 'invalid_request',
    reasons: [reason],
  })
  return [
    { id: 'J1', probes: [probe(scene, { token: null }, refusedWith(401, 'no_token'))] },
    { id: 'J15', probes: scopeProbes(scene, tokens) },
    {
      id: 'J19',
      probes: [probe(scene, { token: null, path: query }, refusedWith(401, 'token_in_query'))],
    },
    {
      id: 'J20',
      probes: [
        {
          ...probe(scene, { headers: [bearer(second)] }, badRequest('two_authorization_headers')),
          variant: 'two headers',
        },
        {
          ...probe(scene, { path: both }, badRequest('token_in_header_and_query')),
          variant: 'header and query',
        },
      ],
    },
    {
      id: 'J21',
      probes: [probe(scene, { token: oversized(tokens) }, refusedWith(431, 'header_overflow'))],
    },
    { id: 'J22', probes: [boundAtBearerOnly(scene, tokens)] },
  ]
}

/** A control by the good client, then the same request with a change. */
export function probe(scene: Scene, bad: Presentation, expected: Expectation): Probe {
  const { ask, server } = scene
  return { expected, counted: server, control: () => ask(), bad: () => ask(bad) }
}

/** A token with other scopes than the one required; where it can be forged, with one that contains its name. */
export function scopeProbes({ ask, server }: Scene, { fetch, form, forge }: Tokens): Probe[] {
  const tokens: Record<string, () => Promise<string>> = {
    'other scope': () => fetch({ scope: 'payments:write' }),
  }
  if (form === 'jwt') {
    tokens['longer scope'] = () =>
      Promise.resolve(forge.token({ claims: { scope: 'payments:read:all xpayments:read' } }))
  }
  return Object.entries(tokens).map(([variant, make]) => ({
    variant,
    expected: insufficientScope,
    counted: server,
    control: () => ask(),
    bad: async () => ask({ token: await make() }),
  }))
}

function boundAtBearerOnly(scene: Scene, { fetch }: Tokens): Probe {
  return {
    expected: invalidToken('bound_token'),
    counted: scene.server,
    control: () => scene.ask(),
    bad: async () => scene.ask({ token: await fetch({ client: 'acme-billing-bound' }) }),
  }
}

/** Where tokens can be forged, a good one but for its size. */
function oversized({ form, good, forge }: Tokens): string {
  const padding = 'x'.repeat(maxHeaderBytes)
  return form === 'jwt' ? forge.token({ claims: { padding } }) : good + padding
}

/** What Node, and these servers, accept of all headers together. */
const maxHeaderBytes = 16_384
