import { askOnLive, askOnNew, askReconnecting, askResumed } from './askers.ts'
import { mutualOf, tokensOf, watch, type Experiment } from './experiment.ts'
import type { Scene } from '../preflight/scene.ts'
import type { ProbeSubject } from './probe.ts'
import { tokenId } from './rotation.ts'

/** Revocations: from when on it is enforced, by the form of the credential and the age of the connection. */
export const revocations: readonly Experiment[] = [
  {
    name: 'revoke-jwt',
    scenario: 'jwt',
    parameters: {},
    what: 'its token is revoked at the authorization server (RFC 7009)',
    plan: watch(500, 2_500),
    create: revokedToken,
  },
  {
    name: 'revoke-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'its token is revoked at the authorization server (RFC 7009)',
    plan: watch(500, 1_500),
    create: revokedToken,
  },
  {
    name: 'revoke-opaque-cached',
    scenario: 'introspection',
    parameters: { introspectionCache: '5s' },
    what: 'its token is revoked at the authorization server; answers are remembered for 5 s',
    plan: watch(500, 6_000),
    create: revokedToken,
  },
  {
    name: 'revoke-certificate-new',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; each request has a new connection',
    plan: watch(500, 1_500),
    create: (scene) => revokedCertificate(scene, 'new'),
  },
  {
    name: 'revoke-certificate-resumed',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; each request has a new connection that offers a session ticket of the last',
    plan: watch(500, 1_500),
    create: (scene) => revokedCertificate(scene, 'resumed'),
  },
  {
    name: 'revoke-certificate-resumed-pinned',
    scenario: 'mtls',
    parameters: {},
    what: 'as revoke-certificate-resumed, at a server whose ticket keys outlive the change of its CRL',
    plan: watch(500, 1_500),
    create: pinnedTickets,
  },
  {
    name: 'revoke-certificate-live',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; all requests are on one connection',
    plan: watch(500, 2_500),
    create: (scene) => revokedCertificate(scene, 'live'),
  },
  {
    name: 'revoke-certificate-draining',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told, which ends live connections; all requests are on one connection',
    plan: watch(500, 1_500),
    create: (scene) => drained(scene, 'revoked'),
  },
  {
    name: 'drain-other-client',
    scenario: 'mtls',
    parameters: {},
    what: "another client's certificate is put on the CRL, and the server told, which ends live connections; it makes a new one",
    plan: watch(500, 1_500),
    create: (scene) => drained(scene, 'good'),
  },
  {
    name: 'revoke-jwt-listed',
    scenario: 'jwt',
    parameters: { tokenCache: 'on' },
    what: 'its token is revoked at the authorization server, and its id told to the server, which remembers verified tokens',
    plan: watch(500, 1_500),
    create: (scene) => toldRevocation(scene, (token) => [tokenId(token)]),
  },
  {
    name: 'revoke-opaque-told',
    scenario: 'introspection',
    parameters: { introspectionCache: '5s' },
    what: 'its token is revoked at the authorization server, and the server told to forget answers, which it remembers for 5 s',
    plan: watch(500, 1_500),
    create: (scene) => toldRevocation(scene, () => []),
  },
  {
    name: 'revoke-combined',
    scenario: 'combined',
    parameters: {},
    what: 'its certificate is put on the CRL, and the server told; its bound token is good for hours; each request has a new connection',
    plan: watch(500, 1_500),
    create: (scene) => revokedCertificate(scene, 'new'),
  },
]

async function revokedToken(scene: Scene): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  const token = await tokens.fetch({})
  return { ask: askOnNew(scene, () => ({ token })), event: () => tokens.revoke(token) }
}

/** RFC 7009 reaches the issuer alone: here the server hears of it, too. */
async function toldRevocation(
  scene: Scene,
  revokedTokens: (token: string) => readonly string[],
): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  const token = await tokens.fetch({})
  return {
    ask: askOnNew(scene, () => ({ token })),
    event: async () => {
      await tokens.revoke(token)
      await scene.server.change({ revokedTokens: revokedTokens(token) })
    },
  }
}

/** What is refused here, is by the guard: the handshake resumes. */
async function pinnedTickets(scene: Scene): Promise<ProbeSubject> {
  const { attackers, trusts } = mutualOf(scene)
  const tls = { ...scene.lab.serverTls(), pinnedTicketKeys: true }
  const at = await scene.extra('pinned', { ...scene.config, tls, clients: trusts.base })
  const ask = await askResumed(scene, () => ({ at, identity: attackers.revocable }))
  return { ask, event: () => at.reload(trusts.revoked) }
}

/** A server that ends live connections, and one of them: of who is revoked, or of who is not. */
async function drained(scene: Scene, whose: 'revoked' | 'good'): Promise<ProbeSubject> {
  const { attackers, trusts } = mutualOf(scene)
  const at = await scene.extra('draining', { ...scene.config, clients: trusts.base, drainMs })
  const identity = whose === 'revoked' ? attackers.revocable : scene.lab.good
  return {
    ask: askReconnecting(scene, () => ({ at, identity })),
    event: () => at.reload(trusts.revoked),
  }
}

async function revokedCertificate(
  scene: Scene,
  connections: 'new' | 'live' | 'resumed',
): Promise<ProbeSubject> {
  const { attackers, trusts } = mutualOf(scene)
  await scene.server.reload(trusts.base)
  const identity = attackers.revocable
  const token = (await scene.tokens?.boundTo(identity)) ?? null
  const present = () => ({ identity, token })
  const event = () => scene.server.reload(trusts.revoked)
  switch (connections) {
    case 'new':
      return { ask: askOnNew(scene, present), event }
    case 'live':
      return { ask: askOnLive(scene, present), event }
    case 'resumed':
      return { ask: await askResumed(scene, present), event }
  }
}

const drainMs = 500
