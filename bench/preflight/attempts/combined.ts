import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import type { Identity } from '../../../servers/pki.ts'
import type { Answer } from '../attack.ts'
import { invalidToken } from '../attempt.ts'
import type { Attempt, Probe } from '../attempt.ts'
import { forwardedCertificate } from '../forwarded.ts'
import type { Attacker, Attackers } from '../identities.ts'
import { confirmationOf } from '../scene.ts'
import type { Presentation, Scene, Tokens } from '../scene.ts'
import { countersOf } from '../stage.ts'
import type { Stage } from '../stage.ts'

/** C1 to C9: a token and a certificate, each good, that do not belong together (RFC 8705 section 3). */
export function combinedAttempts(
  scene: Scene,
  { tokens, attackers, stage }: { tokens: Tokens; attackers: Attackers; stage: Stage },
): Attempt[] {
  const { lab, server } = scene
  const binding = bindingProbes(scene, tokens, stage)
  return [
    {
      id: 'C1',
      probes: [
        {
          expected: invalidToken('unbound_token'),
          counted: server,
          control: () => scene.ask(),
          bad: async () => scene.ask({ token: await tokens.fetch({ client: 'acme-billing' }) }),
        },
      ],
    },
    { id: 'C3', probes: [otherCertificate(scene, tokens, attackers.payouts)] },
    {
      id: 'C5',
      probes: binding('binding_mismatch', {
        'SHA-1': { 'x5t#S256': digestOf(lab.good, 'sha1', 'base64url') },
        hex: { 'x5t#S256': digestOf(lab.good, 'sha256', 'hex') },
        padded: { 'x5t#S256': `${lab.good.thumbprintS256}=` },
        base64: { 'x5t#S256': digestOf(lab.good, 'sha256', 'base64') },
      }),
    },
    {
      id: 'C6',
      probes: binding('malformed_confirmation', {
        '': { ...confirmationOf(lab.good), jkt: randomBytes(32).toString('base64url') },
      }),
    },
    { id: 'C7', probes: [otherCertificate(scene, tokens, attackers.renewed)] },
    { id: 'C8', probes: [resumed(scene, tokens, attackers.payouts)] },
    {
      id: 'C9',
      probes: forwardedCertificate(lab.good).map((header) => ({
        ...otherCertificate(scene, tokens, attackers.gateway, { headers: [header] }),
        variant: header[0],
      })),
    },
  ]
}

/** The good client's token over another good certificate, which has a token of its own as control. */
function otherCertificate(
  { ask, server }: Scene,
  { boundTo }: Tokens,
  attacker: Attacker,
  extra: Presentation = {},
): Probe {
  return {
    expected: invalidToken('binding_mismatch'),
    counted: server,
    control: async () => ask({ ...extra, identity: attacker, token: await boundTo(attacker) }),
    bad: () => ask({ ...extra, identity: attacker }),
  }
}

/** A resumed session carries its certificate: it must match like that of a full handshake. */
function resumed(scene: Scene, { boundTo }: Tokens, other: Attacker): Probe {
  let session: Buffer = Buffer.alloc(0)
  let answer: Answer | null = null
  return {
    expected: invalidToken('binding_mismatch'),
    counted: scene.server,
    control: async () => {
      using first = scene.open()
      await first.ask(scene.requestOf())
      session = first.session()
      return await scene.ask({ session })
    },
    bad: async () => {
      answer = await scene.ask({ session, token: await boundTo(other) })
      return answer
    },
    also: () =>
      answer?.kind === 'response' && answer.resumed ? null : 'the session was not resumed',
  }
}

/** Tokens with a confirmation of any form: forged, or vouched for by the hostile issuer. */
function bindingProbes(scene: Scene, { form, forge }: Tokens, stage: Stage) {
  const confirmed = (cnf: unknown): Promise<Presentation> =>
    form === 'jwt'
      ? Promise.resolve({ token: forge.token({ claims: { cnf } }) })
      : stage.vouched(stage.activeAnswer({ cnf }))
  const counted = form === 'jwt' ? scene.server : countersOf(stage.misled)
  return (reason: string, confirmations: Readonly<Record<string, unknown>>): Probe[] =>
    Object.entries(confirmations).map(([variant, cnf]) => ({
      ...(variant === '' ? {} : { variant }),
      expected: invalidToken(reason),
      counted,
      control: async () => scene.ask(await confirmed(confirmationOf(scene.lab.good))),
      bad: async () => scene.ask(await confirmed(cnf)),
    }))
}

function digestOf(
  { certificatePem }: Identity,
  algorithm: 'sha1' | 'sha256',
  encoding: 'hex' | 'base64' | 'base64url',
): string {
  return createHash(algorithm).update(new X509Certificate(certificatePem).raw).digest(encoding)
}
