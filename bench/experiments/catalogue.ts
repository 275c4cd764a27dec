import type { Parameters } from '../scenario.ts'
import type { Identity } from '../../servers/pki.ts'
import type { Scene } from '../preflight/scene.ts'
import { clientProfile, uris } from '../lab-credentials.ts'
import { attackEvents } from './events-attack.ts'
import type { ProbePlan, ProbeSubject } from './probe.ts'

/** An event under load: which servers it takes, who asks, and what happens. */
export interface Experiment {
  readonly name: string
  readonly scenario: string
  readonly parameters: Parameters
  readonly what: string
  readonly plan: ProbePlan
  readonly create: (scene: Scene) => Promise<ProbeSubject>
}

/** Every event, by the name that claims have for it. */
export const events: readonly Experiment[] = [
  {
    name: 'revoke-jwt',
    scenario: 'jwt',
    parameters: {},
    what: 'its token is revoked at the authorization server (RFC 7009)',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 4_000 },
    create: revokedToken,
  },
  {
    name: 'revoke-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'its token is revoked at the authorization server (RFC 7009)',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 2_000 },
    create: revokedToken,
  },
  {
    name: 'revoke-opaque-cached',
    scenario: 'introspection',
    parameters: { introspectionCache: '5s' },
    what: 'its token is revoked at the authorization server; answers are remembered for 5 s',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 7_000 },
    create: revokedToken,
  },
  {
    name: 'revoke-certificate-new',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; each request has a new connection',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 2_000 },
    create: (scene) => revokedCertificate(scene, 'new'),
  },
  {
    name: 'revoke-certificate-live',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; all requests are on one connection',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 4_000 },
    create: (scene) => revokedCertificate(scene, 'live'),
  },
  {
    name: 'issuer-stops-jwt',
    scenario: 'jwt',
    parameters: {},
    what: 'the authorization server is stopped; tokens are JWTs',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 6_000 },
    create: issuerStops,
  },
  {
    name: 'issuer-stops-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'the authorization server is stopped; each token is introspected',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 2_000 },
    create: issuerStops,
  },
  {
    name: 'issuer-stops-opaque-cached',
    scenario: 'introspection',
    parameters: { introspectionCache: '5s' },
    what: 'the authorization server is stopped; answers are remembered for 5 s',
    plan: { ratePerSecond: 50, beforeMs: 1_000, afterMs: 7_000 },
    create: issuerStops,
  },
  {
    name: 'expire-certificate-new',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate expires; each request has a new connection',
    plan: { ratePerSecond: 50, beforeMs: 500, afterMs: 2_000 },
    create: (scene) => expiringCertificate(scene, 'new'),
  },
  {
    name: 'expire-certificate-live',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate expires; all requests are on one connection',
    plan: { ratePerSecond: 50, beforeMs: 500, afterMs: 3_000 },
    create: (scene) => expiringCertificate(scene, 'live'),
  },
  ...attackEvents,
]

async function revokedToken({ ask, tokens }: Scene): Promise<ProbeSubject> {
  if (tokens === null) throw new Error('clients of this scenario bring no tokens')
  const token = await tokens.fetch({})
  return { ask: () => ask({ token }), event: () => tokens.revoke(token) }
}

async function issuerStops({ ask, tokens }: Scene): Promise<ProbeSubject> {
  if (tokens === null) throw new Error('this scenario has no authorization server')
  // Asked once before, so that nothing is fetched for the first time when it is gone.
  await ask()
  return { ask: () => ask(), event: () => tokens.issuer.stop() }
}

async function revokedCertificate(
  scene: Scene,
  connections: 'new' | 'live',
): Promise<ProbeSubject> {
  const { mutual, server } = scene
  if (mutual === null) throw new Error('clients of this scenario have no certificates')
  const { attackers, trusts } = mutual
  await server.reload(trusts.base)
  return {
    ask: asker(scene, attackers.revocable, connections),
    event: () => server.reload(trusts.revoked),
  }
}

/** The event is the end of its validity, which whole seconds tell (RFC 5280 section 4.1.2.5). */
async function expiringCertificate(
  scene: Scene,
  connections: 'new' | 'live',
): Promise<ProbeSubject> {
  const endMs = Math.ceil((Date.now() + validForMs) / msPerSecond) * msPerSecond
  const identity = await scene.lab.issuing.issue({
    ...clientProfile(uris.billing),
    key: 'p256',
    notAfter: new Date(endMs),
  })
  return {
    ask: asker(scene, identity, connections),
    event: () => new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs - Date.now()))),
  }
}

function asker(scene: Scene, identity: Identity, connections: 'new' | 'live'): ProbeSubject['ask'] {
  if (connections === 'new') return () => scene.ask({ identity })
  const live = scene.open({ identity })
  const request = scene.requestOf({ identity })
  // One after the other: it is HTTP/1.1 without pipelining.
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const answer = last.then(() => live.ask(request))
    last = answer.catch(() => undefined)
    return answer
  }
}

const validForMs = 3_000
const msPerSecond = 1_000
