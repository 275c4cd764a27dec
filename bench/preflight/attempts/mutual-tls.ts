import type { ClientTrust } from '../../../servers/config.ts'
import type { Answer, AttackConnection } from '../attack.ts'
import { refusedHandshake, refusedWith } from '../attempt.ts'
import type { Attempt, Expectation, Probe } from '../attempt.ts'
import { alterSessionSecret } from '../der.ts'
import { forwardedCertificate } from '../forwarded.ts'
import type { Attacker, Attackers, Trusts } from '../identities.ts'
import { once, paymentPath } from '../scene.ts'
import type { Presentation, Scene } from '../scene.ts'

type Mutual = NonNullable<Scene['mutual']>

/** M1 to M16: what a mutual TLS listener must refuse. Where tokens are bound, each brings one bound to it. */
export function mutualTlsAttempts(scene: Scene, { attackers, trusts }: Mutual): Attempt[] {
  return [
    single('M1', scene, { identity: null }, refusedHandshake(noCertificate)),
    certificate('M2', scene, attackers.rogue, ...untrusted),
    certificate('M3', scene, attackers.selfSigned, ...untrusted),
    certificate('M4', scene, attackers.expired, 'CERT_HAS_EXPIRED'),
    certificate('M5', scene, attackers.notYetValid, 'CERT_NOT_YET_VALID'),
    certificate('M6', scene, attackers.serverOnly, 'INVALID_PURPOSE'),
    revokedFull(scene, attackers.revocable, trusts),
    revokedResumed(scene, attackers, trusts),
    removedAuthority(scene, attackers, trusts),
    foreignTicket(scene, attackers),
    ticketAlone(scene, attackers),
    stolenSession(scene),
    anotherService(scene, attackers.reporting),
    certificate('M13', scene, attackers.mismatched, ...wrongSignature),
    certificate(
      'M14',
      scene,
      attackers.leafOnly,
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ),
    forwardedHeaders(scene, attackers),
    openConnection(scene, attackers.revocable, trusts),
  ]
}

function single(id: string, scene: Scene, bad: Presentation, expected: Expectation): Attempt {
  const { ask, server } = scene
  return { id, probes: [{ expected, counted: server, control: () => ask(), bad: () => ask(bad) }] }
}

function certificate(id: string, scene: Scene, attacker: Attacker, ...reasons: string[]): Attempt {
  const { ask, server } = scene
  return {
    id,
    probes: [
      {
        expected: refusedHandshake(...reasons),
        counted: server,
        control: () => ask(),
        bad: async () => ask(await presentationOf(scene, attacker)),
      },
    ],
  }
}

function revokedFull(scene: Scene, attacker: Attacker, trusts: Trusts): Attempt {
  const probe = afterReload(scene, { before: trusts.base, after: trusts.revoked }, async () => {
    const presentation = await presentationOf(scene, attacker)
    return { control: () => scene.ask(presentation), bad: () => scene.ask(presentation) }
  })
  return { id: 'M7', probes: [{ ...probe, expected: refusedHandshake('CERT_REVOKED') }] }
}

function revokedResumed(scene: Scene, attackers: Attackers, trusts: Trusts): Attempt {
  const change = { before: trusts.base, after: trusts.revoked }
  const probe = afterReload(scene, change, () => resumption(scene, attackers.revocable, attackers))
  return { id: 'M8', probes: [{ ...probe, expected: refusedHandshake(...hopelessness) }] }
}

function removedAuthority(scene: Scene, attackers: Attackers, trusts: Trusts): Attempt {
  const change = { before: trusts.both, after: trusts.removed }
  const probe = afterReload(scene, change, () => resumption(scene, attackers.orphan, attackers))
  return { id: 'M9', probes: [{ ...probe, expected: refusedHandshake(...hopelessness) }] }
}

/** Same ticket secret, no client authentication: such a listener is part of every lab. */
function foreignTicket(scene: Scene, { hopeless }: Attackers): Attempt {
  const { config, server, ask } = scene
  // What our servers do by their program, a product does by its configuration.
  const clients = server.product === undefined ? config.clients : null
  const listener = { ...config, clients, issuer: null, token: 'none' } as const
  const open = once(() => scene.extra('tls', listener, 'tls'))
  let session: Buffer = Buffer.alloc(0)
  return {
    id: 'M10',
    prepare: async () => {
      await open()
    },
    probes: [
      {
        expected: refusedHandshake(...hopelessness),
        counted: server,
        control: async () => {
          const anonymous = { at: await open(), identity: null, token: null }
          session = await sessionOf(scene, anonymous)
          return resumedOnly(await ask({ ...anonymous, session }))
        },
        bad: () => ask({ identity: hopeless, session }),
      },
    ],
  }
}

function ticketAlone(scene: Scene, { hopeless }: Attackers): Attempt {
  const expected = refusedHandshake(...wrongSecret)
  return { id: 'M11a', probes: [stolen(scene, expected, hopeless, alterSessionSecret)] }
}

function stolenSession(scene: Scene): Attempt {
  return { id: 'M11b', probes: [stolen(scene, { kind: 'recorded' }, null, (session) => session)] }
}

/** The good client's session in the hands of someone without its certificate and key. */
function stolen(
  scene: Scene,
  expected: Expectation,
  thief: Attacker | null,
  alter: (session: Buffer) => Buffer,
): Probe {
  let session: Buffer = Buffer.alloc(0)
  return {
    expected,
    counted: scene.server,
    control: async () => {
      session = await sessionOf(scene, {})
      return resumedOnly(await scene.ask({ session }))
    },
    bad: () => scene.ask({ identity: thief, session: alter(session) }),
  }
}

function anotherService(scene: Scene, attacker: Attacker): Attempt {
  const { ask, server } = scene
  return {
    id: 'M12',
    probes: [
      {
        expected: refusedWith(403, 'identity_not_allowed'),
        counted: server,
        control: () => ask(),
        bad: async () => ask(await presentationOf(scene, attacker)),
      },
    ],
  }
}

/** Globex is a good client, but for its own payments: no header may make it acme. */
function forwardedHeaders(scene: Scene, { globex }: Attackers): Attempt {
  const { ask, server, lab } = scene
  return {
    id: 'M15',
    probes: forwardedCertificate(lab.good).map(([name, value]) => ({
      variant: name,
      expected: refusedWith(403, 'wrong_tenant'),
      counted: server,
      control: async () => askForOwn(scene, await presentationOf(scene, globex)),
      bad: async () => ask({ ...(await presentationOf(scene, globex)), headers: [[name, value]] }),
    })),
  }
}

/** Globex asks for what is its own: it has no payment yet, products have one for every tenant, and make none. */
async function askForOwn({ ask, server }: Scene, globex: Presentation): Promise<Answer> {
  if (server.product === undefined) return ask({ ...globex, ...firstPayment })
  const before = await server.snapshot()
  const answer = await ask({ ...globex, path: paymentPath('globex') })
  if (server.hops === undefined || answer.kind !== 'response' || answer.status !== 404)
    return answer
  // The service behind the product has none, and says so to whom the product lets in.
  const after = await server.snapshot()
  return after.handlerCalls > before.handlerCalls ? { ...answer, status: 200 } : answer
}

function openConnection(scene: Scene, attacker: Attacker, trusts: Trusts): Attempt {
  const change = { before: trusts.base, after: trusts.revoked }
  let connection: AttackConnection | null = null
  const probe = afterReload(scene, change, async () => {
    const presentation = await presentationOf(scene, attacker)
    const request = scene.requestOf(presentation)
    const opened = (connection ??= scene.open(presentation))
    return { control: () => opened.ask(request), bad: () => opened.ask(request) }
  })
  const bad = async () => {
    const answer = await probe.bad()
    connection?.[Symbol.dispose]()
    return answer
  }
  return { id: 'M16', probes: [{ ...probe, bad, expected: { kind: 'recorded' } }] }
}

/** A control under one trust, the same once the server has been told another, and then its own trust again. */
function afterReload(
  { server, mutual }: Scene,
  { before, after }: { before: ClientTrust; after: ClientTrust },
  make: () => Promise<Pick<Probe, 'control' | 'bad'>>,
): Omit<Probe, 'expected'> {
  let made: Promise<Pick<Probe, 'control' | 'bad'>> | null = null
  return {
    counted: server,
    control: async () => {
      await server.reload(before)
      made = make()
      return (await made).control()
    },
    bad: async () => {
      if (made === null || mutual === null) throw new Error('the control has to come first')
      await server.reload(after)
      const answer = await (await made).bad()
      await server.reload(mutual.trusts.base)
      return answer
    },
  }
}

/**
 * A session made now, resumed once to show that it can be, then again. The client that resumes brings no
 * certificate that would do: were the session refused and a full handshake accepted, that would be M7.
 */
async function resumption(scene: Scene, attacker: Attacker, { hopeless }: Attackers) {
  const presentation = await presentationOf(scene, attacker)
  const session = await sessionOf(scene, presentation)
  const resume = () => scene.ask({ ...presentation, identity: hopeless, session })
  return { control: async () => resumedOnly(await resume()), bad: resume }
}

/** A control that resumed nothing shows nothing. */
function resumedOnly(answer: Awaited<ReturnType<Scene['ask']>>) {
  if (answer.kind !== 'response' || answer.resumed) return answer
  return { kind: 'closed', code: 'not resumed' } as const
}

async function sessionOf(scene: Scene, presentation: Presentation): Promise<Buffer> {
  using connection = scene.open(presentation)
  await connection.ask(scene.requestOf(presentation))
  return connection.session()
}

async function presentationOf({ tokens }: Scene, attacker: Attacker): Promise<Presentation> {
  return {
    identity: attacker,
    ...(tokens === null ? {} : { token: await tokens.boundTo(attacker) }),
  }
}

const noCertificate = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'
/** Node lets OpenSSL go on after a fault and reports the last one: an unknown CA has no CRL here either. */
const untrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_CRL',
]
/** Everything that is wrong with the certificate beside a session that is not honoured. */
const hopelessness = [...untrusted, 'INVALID_PURPOSE']
const wrongSignature = ['ERR_SSL_BAD_SIGNATURE', 'ERR_SSL_PROVIDER_SIGNATURE_FAILURE']
/** TLS 1.3: the ticket's binder does not verify; TLS 1.2: the thief cannot read the server's Finished and gives up. */
const wrongSecret = [
  'ERR_SSL_BINDER_DOES_NOT_VERIFY',
  'ECONNRESET',
  'ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC',
]
const firstPayment = {
  method: 'POST',
  path: '/v1/orgs/globex/payments',
  body: '{"amount":"1.00","currency":"EUR"}',
}
