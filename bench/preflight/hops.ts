import { createAuthority } from '../../servers/pki.ts'
import type { Identity } from '../../servers/pki.ts'
import { clientProfile, createPrivateJwk, uris } from '../lab-credentials.ts'
import type { HopProcess } from '../processes.ts'
import type { HopRefusals, Refusal } from '../results.ts'
import type { Hop } from '../scenario.ts'
import { attack } from './attack.ts'
import type { Answer } from './attack.ts'
import { insufficientScope, invalidToken, refusedHandshake, refusedWith } from './attempt.ts'
import type { Attempt, Expectation, Probe } from './attempt.ts'
import type { CatalogueEntry } from './catalogue.ts'
import { secondsFromNow, signerOf } from './forge.ts'
import { judgeAll } from './judge.ts'
import { confirmationOf } from './scene.ts'
import type { Presentation, Scene, Tokens } from './scene.ts'

/**
 * What each hop behind the first still refuses when the ones before it are in the hands of an attacker, who
 * connects straight to it and has what the hop before it has. What a hop is not there to check is tried all
 * the same, and recorded: it shows what rests on the hops before. Empty where there is one server.
 */
export async function tryHops(scene: Scene): Promise<HopRefusals[]> {
  const { hops = [] } = scene.server
  const tried: HopRefusals[] = []
  for (const [index, target] of hops.entries()) {
    const before = hops[index - 1]
    if (before === undefined || scene.anyTokens === null) continue
    const attempts = await attemptsAt(scene, {
      target,
      before: before.hop,
      tokens: scene.anyTokens,
    })
    const refusals = (await judgeAll(attempts)).map(({ refusal }) => refusal)
    tried.push({
      hop: target.hop.name,
      holds: holdingsOf(before.hop),
      tried: refusals.length,
      refused: refusals.filter(isRefused).length,
      refusals,
    })
  }
  return tried
}

interface Bypass {
  readonly target: HopProcess
  readonly before: Hop
  readonly tokens: Tokens
}

async function attemptsAt(scene: Scene, bypass: Bypass): Promise<Attempt[]> {
  const { hop } = bypass.target
  const attempts = tokenAttempts(scene, bypass, await createPrivateJwk('ES256'))
  if (hop.peers !== 'gateway') return attempts
  return [...(await peerAttempts(scene, bypass)), ...attempts]
}

/** Somebody who is on the network, and is not the hop before. */
async function peerAttempts(scene: Scene, bypass: Bypass): Promise<Attempt[]> {
  const rogue = await rogueGateway()
  const noCertificate = refusedHandshake('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
  const unknown = refusedHandshake(
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_GET_CRL',
  )
  const attempt = (id: HopId, identity: Identity | null, expected: Expectation): Attempt =>
    attemptOf(id, 'refuse', [probeAt(scene, bypass, expected, { identity })])
  return [
    attempt('H1', null, noCertificate),
    attempt('H2', rogue, unknown),
    attempt('H3', scene.lab.good, refusedWith(403, 'identity_not_allowed')),
  ]
}

/** The gateway's name in a certificate of a CA with the name of ours. */
async function rogueGateway(): Promise<Identity> {
  const root = await createAuthority({ key: 'p256', name: 'trustbench root' })
  const below = { key: 'p256', name: 'trustbench intermediate' } as const
  const intermediate = await root.createIntermediate(below)
  return intermediate.issue({ ...clientProfile(uris.edge), key: 'p256' })
}

/** The hop before, with its own credentials, and requests that no good client made. */
function tokenAttempts(
  scene: Scene,
  bypass: Bypass,
  foreignKey: Awaited<ReturnType<typeof createPrivateJwk>>,
): Attempt[] {
  const { target, tokens } = bypass
  const { forge } = tokens
  const kind = target.hop.token === 'none' ? 'record' : 'refuse'
  const attempt = (id: HopId, expected: Expectation, bad: () => Presentation): Attempt => {
    const wanted: Expectation = kind === 'refuse' ? expected : { kind: 'recorded' }
    return attemptOf(id, kind, [probeAt(scene, bypass, wanted, bad)])
  }
  const forged = (forgery: Parameters<typeof forge.token>[0]) => () => ({
    token: forge.token({ ...forgery, claims: { cnf: undefined, ...forgery?.claims } }),
  })
  const signer = signerOf(foreignKey)
  return [
    attempt('H4', refusedWith(401, 'no_token'), () => ({ token: null })),
    attempt('H5', invalidToken('bad_signature'), forged({ signer })),
    attempt(
      'H6',
      invalidToken('algorithm_not_allowed'),
      forged({ header: { alg: 'none' }, signer: () => Buffer.alloc(0) }),
    ),
    attempt(
      'H7',
      invalidToken('token_expired'),
      forged({ claims: { iat: secondsFromNow(-7_200), exp: secondsFromNow(-3_600) } }),
    ),
    attempt(
      'H8',
      invalidToken('wrong_audience'),
      forged({ claims: { aud: 'https://other.trustbench.test' } }),
    ),
    attempt('H9', refusedWith(403, 'wrong_tenant'), forged({ claims: { org_id: 'globex' } })),
    attempt('H10', insufficientScope, forged({ claims: { scope: 'payments:write' } })),
    attempt(
      'H11',
      invalidToken('bound_token'),
      forged({ claims: { cnf: confirmationOf(scene.lab.good) } }),
    ),
    // Whatever is checked here, the attacker has it: what it asks for is as good as a client's.
    attemptOf('H12', 'record', [probeAt(scene, bypass, { kind: 'recorded' }, {})]),
  ]
}

/** A control with all that the hop before has, then the same with a change. */
function probeAt(
  scene: Scene,
  { target, tokens }: Bypass,
  expected: Expectation,
  bad: Presentation | (() => Presentation),
): Probe {
  const ask = async (presentation: Presentation): Promise<Answer> => {
    const { hop, process } = target
    const identity = hop.peers === 'gateway' ? (await scene.lab.gateway()).identity : null
    const told = { identity, token: unbound(tokens), ...presentation }
    return attack(
      {
        port: process.port,
        rootPem: scene.lab.rootPem,
        identity: told.identity,
        plain: hop.peers === 'plain',
      },
      scene.requestOf(told),
    )
  }
  return {
    expected,
    counted: target.process,
    control: () => ask({}),
    bad: () => ask(typeof bad === 'function' ? bad() : bad),
  }
}

/** A good bearer token, as clients send them to the first hop or as it has them of its own. */
function unbound({ forge }: Tokens): string {
  return forge.token({ claims: { cnf: undefined } })
}

function attemptOf(id: HopId, kind: CatalogueEntry['kind'], probes: Probe[]): Attempt {
  return { id, entry: { id, kind, describe: descriptions[id] }, probes }
}

function isRefused({ kind, passed, outcome }: Refusal): boolean {
  return kind === 'refuse' ? passed : !outcome.startsWith('accepted')
}

function holdingsOf({ name, brings }: Hop): string {
  switch (brings) {
    case 'own-token':
      return `the access tokens of the ${name}`
    case 'certificate-and-token':
      return `the certificate of the ${name}, and tokens that clients sent`
    case 'nothing':
    case null:
      return `the machine of the ${name}, and so the loopback of the service`
  }
}

/** Bad credentials by which hops are tried, beside those that clients bring. */
const descriptions = {
  H1: 'no certificate',
  H2: 'certificate of a rogue CA',
  H3: "a client's certificate",
  H4: 'no token',
  H5: "token signed by the attacker's key",
  H6: 'alg none',
  H7: 'expired token',
  H8: 'token for another audience',
  H9: "another tenant's token",
  H10: 'token without the scope',
  H11: 'token bound to a certificate',
  H12: 'good token, request of no client',
} as const
type HopId = keyof typeof descriptions
