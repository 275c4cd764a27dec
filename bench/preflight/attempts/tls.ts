import type { IssueRequest, Identity } from '../../../servers/pki.ts'
import { createAuthority } from '../../../servers/pki.ts'
import { serverProfile } from '../../lab-credentials.ts'
import { attack } from '../attack.ts'
import { refusedHandshake } from '../attempt.ts'
import type { Attempt, Probe } from '../attempt.ts'
import { createImpostor, visit } from '../impostor.ts'
import type { Impostor } from '../impostor.ts'
import { once } from '../scene.ts'
import type { Scene } from '../scene.ts'

/** T1 to T6: what our own client must refuse. Impostors end with `owned`. */
export function tlsAttempts(scene: Scene, owned: AsyncDisposableStack): Attempt[] {
  const { lab } = scene
  const version = `TLSv${lab.settings.version}` as const
  const honest = once(async () => owned.use(await createImpostor(lab.server, version)))
  const issue = (change: Partial<IssueRequest>) => lab.issuing.issue(serverRequest(scene, change))
  const impostors: Record<
    string,
    { certificate: () => Promise<Identity>; says: readonly string[] }
  > = {
    T1: {
      certificate: () => issueByRogue(scene),
      says: ['self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'],
    },
    T2: {
      certificate: () => issue(otherName),
      says: ["does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID'],
    },
    T3: {
      certificate: () => issue({ notAfter: daysFromNow(-1) }),
      says: ['certificate has expired', 'CERT_HAS_EXPIRED'],
    },
    T4: {
      certificate: () => issue({ notBefore: daysFromNow(1) }),
      says: ['certificate is not yet valid', 'CERT_NOT_YET_VALID'],
    },
    T5: {
      certificate: () => issue({ extendedKeyUsages: ['clientAuth'] }),
      says: ['unsuitable certificate purpose', 'INVALID_PURPOSE'],
    },
  }
  const attempts = Object.entries(impostors).map(([id, { certificate, says }]) => {
    const impostor = once(async () => owned.use(await createImpostor(await certificate(), version)))
    return attemptOf(id, scene, { honest, impostor, says })
  })
  const old = once(async () => owned.use(await createImpostor(lab.server, 'TLSv1.1')))
  const refusesOld = attemptOf('T6', scene, {
    honest,
    impostor: old,
    says: ['alert protocol version'],
  })
  return [
    ...attempts,
    {
      ...refusesOld,
      probes: [
        ...refusesOld.probes.map((probe) => ({ ...probe, variant: 'server offers it' })),
        oldClient(scene),
      ],
    },
  ]
}

interface ImpostorSetting {
  readonly honest: () => Promise<Impostor>
  readonly impostor: () => Promise<Impostor>
  /** Any of this the client's error has to say. */
  readonly says: readonly string[]
}

function attemptOf(
  id: string,
  { lab }: Scene,
  { honest, impostor, says }: ImpostorSetting,
): Attempt {
  return {
    id,
    prepare: async () => {
      await Promise.all([honest(), impostor()])
    },
    probes: [
      {
        expected: { kind: 'client', reasons: says },
        counted: { snapshot: async () => (await impostor()).counted.snapshot() },
        control: async () => visit(lab, await honest()),
        bad: async () => visit(lab, await impostor()),
      },
    ],
  }
}

/** The other direction: the case's server refuses a client that offers nothing newer. */
function oldClient({ lab, credentials, server, ask, requestOf }: Scene): Probe {
  const identity = credentials.certificate ? lab.good : null
  const target = { port: server.port, rootPem: lab.rootPem, identity }
  return {
    variant: 'client offers it',
    expected: refusedHandshake('ERR_SSL_UNSUPPORTED_PROTOCOL'),
    counted: server,
    control: () => ask(),
    bad: () => attack({ ...target, version: 'TLSv1.1' }, requestOf()),
  }
}

async function issueByRogue(scene: Scene): Promise<Identity> {
  const root = await createAuthority({ key: 'p256', name: 'trustbench root' })
  const intermediate = await root.createIntermediate({
    key: 'p256',
    name: 'trustbench intermediate',
  })
  const identity = await intermediate.issue(serverRequest(scene, {}))
  // With its root, so that the verdict is about trust and not about a missing certificate.
  return { ...identity, chainPem: identity.chainPem + root.certificatePem }
}

/** The server's own certificate again, same key, but for a change. */
function serverRequest({ lab }: Scene, change: Partial<IssueRequest>): IssueRequest {
  return { ...serverProfile, key: 'p256', keyPair: lab.server.keyPair, ...change }
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000)
}

const otherName: Partial<IssueRequest> = {
  commonName: 'other.trustbench.test',
  dnsNames: ['other.trustbench.test'],
  ipAddresses: [],
}
