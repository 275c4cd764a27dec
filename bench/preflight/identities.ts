import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createAuthority, selfSigned, writeSecretFile } from '../../servers/pki.ts'
import type { Authority, Identity, IssueRequest } from '../../servers/pki.ts'
import type { ClientTrust } from '../../servers/config.ts'
import { clientProfile, uris } from '../lab-credentials.ts'
import type { Lab } from '../lab.ts'

/** A client certificate to attack with. */
export interface Attacker extends Identity {
  /** Client of the authorization server that gives tokens bound to it; null where it refuses it too. */
  readonly client: string | null
}

/** Client certificates, each bad in one way, or good but not for what is asked. */
export interface Attackers {
  readonly rogue: Attacker
  readonly selfSigned: Attacker
  readonly expired: Attacker
  readonly notYetValid: Attacker
  readonly serverOnly: Attacker
  /** Good until `trusts.revoked`. */
  readonly revocable: Attacker
  /** Of another CA, good under `trusts.both`. */
  readonly orphan: Attacker
  readonly reporting: Attacker
  readonly mismatched: Attacker
  readonly leafOnly: Attacker
  readonly globex: Attacker
  /** Same tenant as the good client, other name, other key. */
  readonly payouts: Attacker
  /** A hop in front of the server: as `payouts`. */
  readonly gateway: Attacker
  /** The good client's name and key in a new certificate. */
  readonly renewed: Attacker
  /** Unknown CA, other purpose, other service: gets in by nothing but the session it offers. */
  readonly hopeless: Attacker
}

/** Trust to reload a listener with. */
export interface Trusts {
  readonly base: ClientTrust
  /** `revocable` is on the CRL. */
  readonly revoked: ClientTrust
  /** A second CA, that of `orphan`, is trusted too. */
  readonly both: ClientTrust
  /** The second CA is gone again; its CRLs are still there. */
  readonly removed: ClientTrust
  /** Only the second CA is left. */
  readonly replaced: ClientTrust
}

/** Issues the certificates; most share the good client's key, so that only the certificate differs. */
export async function createAttackers(lab: Lab): Promise<{ attackers: Attackers; trusts: Trusts }> {
  const { issuing, good } = lab
  const other = await createOtherAuthority('trustbench second')
  const rogue = await createOtherAuthority('trustbench')
  const billing = { ...clientProfile(uris.billing), key: 'p256', keyPair: good.keyPair } as const
  const issue = (change: Partial<IssueRequest>) =>
    issuing.issue({ ...billing, notAfter: daysFromNow(31), ...change })
  /** Another workload, so with a key of its own. */
  const issueFor = (uri: string, notAfter = daysFromNow(32)) =>
    issuing.issue({ ...clientProfile(uri), key: 'p256', notAfter })
  const attackers: Attackers = {
    rogue: withClient(await rogue.intermediate.issue(billing), null),
    selfSigned: withClient(await selfSigned(billing), null),
    expired: withClient(await issue({ notAfter: daysFromNow(-1) }), null),
    notYetValid: withClient(await issue({ notBefore: daysFromNow(1) }), null),
    serverOnly: withClient(await issue({ extendedKeyUsages: ['serverAuth'] }), null),
    revocable: withClient(await issue({}), 'acme-billing-bound'),
    orphan: withClient(await other.intermediate.issue(billing), 'acme-billing-bound'),
    reporting: withClient(await issueFor(uris.reporting), 'acme-reporting-bound'),
    mismatched: withClient(await createMismatched(lab), null),
    leafOnly: withClient({ ...good, chainPem: good.certificatePem }, null),
    globex: withClient(await issueFor(uris.globex), 'globex-billing-bound'),
    // Ends with the good one: what remembers certificates by their dates takes it for that.
    payouts: withClient(await issueFor(uris.payouts, endOf(good)), 'acme-payouts-bound'),
    gateway: withClient(await issueFor(uris.gateway), 'acme-gateway-bound'),
    renewed: withClient(await issue({ notAfter: daysFromNow(60) }), 'acme-billing-bound'),
    hopeless: withClient(
      await other.intermediate.issue({
        ...clientProfile(uris.reporting),
        key: 'p256',
        extendedKeyUsages: ['serverAuth'],
      }),
      null,
    ),
  }
  return { attackers, trusts: await createTrusts(lab, attackers.revocable, other) }
}

/** The second CA with the CRLs that make it usable. */
interface OtherAuthority {
  readonly root: Authority
  readonly intermediate: Authority
}

async function createOtherAuthority(name: string): Promise<OtherAuthority> {
  const root = await createAuthority({ key: 'p256', name: `${name} root` })
  const below = { key: 'p256', name: `${name} intermediate` } as const
  return { root, intermediate: await root.createIntermediate(below) }
}

async function createTrusts(
  { folder, trust, issuing, aboveCrlPem, rootPem, crlPem }: Lab,
  revocable: Identity,
  other: OtherAuthority,
): Promise<Trusts> {
  const write = (name: string, text: string) => writeSecretFile(folder, name, text)
  const revokedCrl = await issuing.issueCrl({ revokedSerialsHex: [revocable.serialHex] })
  const otherCrls = [
    await other.root.issueCrl({ revokedSerialsHex: [] }),
    await other.intermediate.issueCrl({ revokedSerialsHex: [] }),
  ].join('')
  const bothCrlFile = await write('crl-both.pem', crlPem + otherCrls)
  return {
    base: trust,
    revoked: { ...trust, crlFile: await write('crl-revoked.pem', revokedCrl + aboveCrlPem) },
    both: {
      ...trust,
      caFile: await write('ca-both.pem', rootPem + other.root.certificatePem),
      crlFile: bothCrlFile,
    },
    removed: { ...trust, crlFile: bothCrlFile },
    replaced: {
      ...trust,
      caFile: await write('ca-other.pem', other.root.certificatePem),
      crlFile: bothCrlFile,
    },
  }
}

/**
 * A certificate with the private key of another. OpenSSL, and so Node, refuses to load such a pair, but
 * compares only the public halves: the key file here claims the certificate's public point beside the
 * attacker's own scalar (RFC 5915), so the client starts, and signs CertificateVerify with a wrong key.
 */
async function createMismatched({ issuing }: Lab): Promise<Identity> {
  const request = { ...clientProfile(uris.billing), key: 'p256' } as const
  const [victim, attacker] = await Promise.all([issuing.issue(request), selfSigned(request)])
  const der = createPrivateKey(victim.privateKeyPem).export({ type: 'sec1', format: 'der' })
  der.set(scalarOf(attacker), der.indexOf(scalarOf(victim)))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  const privateKeyPem = [
    '-----BEGIN EC PRIVATE KEY-----',
    ...lines,
    '-----END EC PRIVATE KEY-----',
    '',
  ]
  return { ...victim, privateKeyPem: privateKeyPem.join('\n') }
}

function scalarOf({ privateKeyPem }: Identity): Buffer {
  const { d = '' } = createPrivateKey(privateKeyPem).export({ format: 'jwk' })
  return Buffer.from(d, 'base64url')
}

function withClient(identity: Identity, client: string | null): Attacker {
  return { ...identity, client }
}

function endOf({ certificatePem }: Identity): Date {
  return new X509Certificate(certificatePem).validToDate
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000)
}
