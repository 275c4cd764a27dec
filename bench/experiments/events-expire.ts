import { createAuthority, writeSecretFile, type Authority } from '../../servers/pki.ts'
import { clientProfile, uris } from '../lab-credentials.ts'
import { secondsFromNow } from '../preflight/forge.ts'
import type { Scene } from '../preflight/scene.ts'
import { askOnLive, askOnNew, askResumed } from './askers.ts'
import { shortestLifetimeMs, tokensOf, waitUntil, watch, type Experiment } from './experiment.ts'
import type { ProbeSubject } from './probe.ts'

/** Ends of validity: of the client's own credentials, and of what others vouch for them with. */
export const expiries: readonly Experiment[] = [
  {
    name: 'expire-token',
    scenario: 'jwt',
    parameters: {},
    what: 'its token expires, and it goes on with it',
    expires: true,
    plan: watch(500, 1_500),
    create: (scene, _, lifetimeMs) => expiringToken(scene, lifetimeMs),
  },
  {
    name: 'expire-certificate-new',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate expires; each request has a new connection',
    expires: true,
    plan: watch(500, 2_000),
    create: (scene, _, lifetimeMs) => expiringCertificate(scene, lifetimeMs, 'new'),
  },
  {
    name: 'expire-certificate-resumed',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate expires; each request has a new connection that offers a session ticket of the last',
    expires: true,
    plan: watch(500, 2_500),
    create: (scene, _, lifetimeMs) => expiringCertificate(scene, lifetimeMs, 'resumed'),
  },
  {
    name: 'expire-certificate-live',
    scenario: 'mtls',
    parameters: {},
    what: 'its certificate expires; all requests are on one connection',
    expires: true,
    plan: watch(500, 2_500),
    create: (scene, _, lifetimeMs) => expiringCertificate(scene, lifetimeMs, 'live'),
  },
  {
    name: 'expire-ca-mtls',
    scenario: 'mtls',
    parameters: {},
    what: 'the CA of its certificate expires; each request has a new connection',
    expires: true,
    plan: watch(500, 1_500),
    create: (scene, _, lifetimeMs) => expiringAuthority(scene, lifetimeMs, 'ca'),
  },
  {
    name: 'expire-ca-combined',
    scenario: 'combined',
    parameters: {},
    what: 'the CA of its certificate expires; each request has a new connection',
    expires: true,
    plan: watch(500, 1_500),
    create: (scene, _, lifetimeMs) => expiringAuthority(scene, lifetimeMs, 'ca'),
  },
  {
    name: 'expire-crl-mtls',
    scenario: 'mtls',
    parameters: {},
    what: 'the CRL that the server has is past its nextUpdate; each request has a new connection',
    expires: true,
    plan: watch(500, 1_500),
    create: (scene, _, lifetimeMs) => expiringAuthority(scene, lifetimeMs, 'crl'),
  },
]

/** The event is the end of its validity, which whole seconds tell (RFC 7519 section 4.1.4). */
async function expiringToken(scene: Scene, lifetimeMs: number): Promise<ProbeSubject> {
  const exp = secondsFromNow(Math.ceil(lifetimeMs / msPerSecond))
  const token = tokensOf(scene).forge.token({ claims: { exp } })
  await untilItsLast(exp * msPerSecond)
  return { ask: askOnNew(scene, () => ({ token })), event: () => waitUntil(exp * msPerSecond) }
}

/** As above (RFC 5280 section 4.1.2.5). */
async function expiringCertificate(
  scene: Scene,
  lifetimeMs: number,
  connections: 'new' | 'live' | 'resumed',
): Promise<ProbeSubject> {
  const endMs = wholeSecond(Date.now() + lifetimeMs)
  const identity = await scene.lab.issuing.issue({
    ...clientProfile(uris.billing),
    key: 'p256',
    notAfter: new Date(endMs),
  })
  const present = () => ({ identity })
  const event = () => waitUntil(endMs)
  await untilItsLast(endMs)
  switch (connections) {
    case 'new':
      return { ask: askOnNew(scene, present), event }
    case 'live':
      return { ask: askOnLive(scene, present), event }
    case 'resumed':
      return { ask: await askResumed(scene, present), event }
  }
}

/** A CA beside the lab's own, one of whose papers ends soon; the certificate that it gave does not. */
async function expiringAuthority(
  scene: Scene,
  lifetimeMs: number,
  ends: 'ca' | 'crl',
): Promise<ProbeSubject> {
  const { lab, server } = scene
  const endMs = wholeSecond(Date.now() + lifetimeMs)
  const end = new Date(endMs)
  const authority = await createAuthority({
    key: 'p256',
    name: 'trustbench ending',
    ...(ends === 'ca' ? { notAfter: end } : {}),
  })
  const identity = await authority.issue({ ...clientProfile(uris.billing), key: 'p256' })
  const token = (await scene.tokens?.boundTo({ ...identity, client: null })) ?? null
  await server.reload({
    ...lab.trust,
    caFile: await writeSecretFile(
      lab.folder,
      'ca-ending.pem',
      lab.rootPem + authority.certificatePem,
    ),
    crlFile: await writeSecretFile(
      lab.folder,
      'crl-ending.pem',
      lab.crlPem + (await crlOf(authority, ends === 'crl' ? end : null)),
    ),
  })
  await untilItsLast(endMs)
  return {
    ask: askOnNew(scene, () => ({ identity, token })),
    event: () => waitUntil(endMs),
  }
}

function crlOf(authority: Authority, nextUpdate: Date | null): Promise<string> {
  return authority.issueCrl({
    revokedSerialsHex: [],
    ...(nextUpdate === null ? {} : { nextUpdate }),
  })
}

/** Nothing happens in most of a lifetime: it is watched for as long as the shortest lasts. */
function untilItsLast(endMs: number): Promise<void> {
  return waitUntil(endMs - shortestLifetimeMs)
}

function wholeSecond(timeMs: number): number {
  return Math.ceil(timeMs / msPerSecond) * msPerSecond
}

const msPerSecond = 1_000
