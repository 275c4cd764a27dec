import type { X509Certificate } from '@peculiar/x509'
import { createHash } from 'node:crypto'
import type { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { KeyType } from './config.ts'
import {
  authorityExtensions,
  leafExtensions,
  nameOf,
  pemOf,
  signCertificate,
} from './pki-certificate.ts'
import type { Issuer, Purpose } from './pki-certificate.ts'
import { createCrl } from './pki-crl.ts'
import { generateKeyPair, privateKeyPemOf } from './pki-keys.ts'

/** What a certificate authority is to be: its own key type, and its common name. */
export interface AuthorityRequest {
  readonly key: KeyType
  readonly name: string
  /** Default: 90 days from now. */
  readonly notAfter?: Date
}

/** What a leaf certificate is to say. */
export interface IssueRequest {
  readonly kind: 'server' | 'client'
  readonly key: KeyType
  readonly commonName: string
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  readonly uris?: readonly string[]
  /** Default: 5 minutes ago, or 5 minutes before a `notAfter` in the past. */
  readonly notBefore?: Date
  /** Default: 30 days after `notBefore`. */
  readonly notAfter?: Date
  /** Instead of the one purpose that follows from `kind`. */
  readonly extendedKeyUsages?: readonly Purpose[]
  /** Certified instead of a new key of type `key`: renewal without a change of key. */
  readonly keyPair?: webcrypto.CryptoKeyPair
}

/** A leaf certificate with its key: what a server or a client presents. */
export interface Identity {
  /** PEM: the leaf alone. */
  readonly certificatePem: string
  /** PEM: the leaf, then intermediates, never the root (RFC 8446 section 4.4.2). */
  readonly chainPem: string
  /** PEM: PKCS#8, not encrypted. */
  readonly privateKeyPem: string
  /** Upper-case hexadecimal, as `serialNumber` of Node's `X509Certificate` prints it. */
  readonly serialHex: string
  /** base64url SHA-256 of the DER certificate: `x5t#S256` of RFC 8705 section 3.1. */
  readonly thumbprintS256: string
  readonly keyPair: webcrypto.CryptoKeyPair
}

/** A certificate authority: issues leaf certificates, authorities below it, and its own CRL. */
export interface Authority {
  readonly certificatePem: string
  /** PEM: this authority and those above it without the root; empty for a root. */
  readonly chainPem: string
  readonly rootPem: string
  /** Throws when the path length of this authority allows none below it. */
  createIntermediate(request: AuthorityRequest): Promise<Authority>
  issue(request: IssueRequest): Promise<Identity>
  /** Signs a CRL (PEM) of certificates of this very authority; `nextUpdate` defaults to 30 days ahead. */
  issueCrl(request: { revokedSerialsHex: readonly string[]; nextUpdate?: Date }): Promise<string>
}

/** Creates a root authority; `pathLength` is how many authorities may stand below it, default 1. */
export async function createAuthority({
  pathLength = 1,
  ...request
}: AuthorityRequest & { readonly pathLength?: number }): Promise<Authority> {
  return certifyAuthority({ request, pathLength, above: null })
}

/** Issues a certificate that nobody vouches for: signed with its own key. */
export async function selfSigned(request: IssueRequest): Promise<Identity> {
  const keyPair = request.keyPair ?? (await generateKeyPair(request.key))
  const issuer = { subject: nameOf(request.commonName), keyPair }
  return issueLeaf({ request: { ...request, keyPair }, issuer, issuerChainPem: '' })
}

/** Writes a new file with mode 0600 and returns its path; throws EEXIST when the file is there. */
export async function writeSecretFile(
  folder: string,
  name: string,
  text: string | Uint8Array,
): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text, { mode: 0o600, flag: 'wx' })
  return path
}

async function certifyAuthority({
  request: { key, name, notAfter },
  pathLength,
  above,
}: {
  request: AuthorityRequest
  pathLength: number
  above: { issuer: Issuer; authority: Authority } | null
}): Promise<Authority> {
  const issuer: Issuer = { subject: nameOf(name), keyPair: await generateKeyPair(key) }
  const certificate = await signCertificate({
    subject: issuer.subject,
    publicKey: issuer.keyPair.publicKey,
    issuer: above?.issuer ?? issuer,
    validity: validityOf(notAfter === undefined ? {} : { notAfter }, AUTHORITY_DAYS),
    extensions: authorityExtensions(pathLength),
  })
  const certificatePem = pemOf(certificate)
  const chainPem = above === null ? '' : certificatePem + above.authority.chainPem
  let crlNumber = 0

  const authority: Authority = {
    certificatePem,
    chainPem,
    rootPem: above?.authority.rootPem ?? certificatePem,
    async createIntermediate(lower) {
      if (pathLength < 1) {
        throw new Error(
          `authority "${name}" has pathLength ${pathLength}, so "${lower.name}" below it would be refused: give the root a higher pathLength`,
        )
      }
      return certifyAuthority({
        request: lower,
        pathLength: pathLength - 1,
        above: { issuer, authority },
      })
    },
    async issue(leaf) {
      return issueLeaf({ request: leaf, issuer, issuerChainPem: chainPem })
    },
    async issueCrl({ revokedSerialsHex, nextUpdate = daysFromNow(LEAF_DAYS) }) {
      crlNumber += 1
      const thisUpdate = new Date(Date.now() - BACKDATE_MS)
      return createCrl({ issuer, crlNumber, revokedSerialsHex, thisUpdate, nextUpdate })
    },
  }
  return authority
}

async function issueLeaf({
  request,
  issuer,
  issuerChainPem,
}: {
  request: IssueRequest
  issuer: Issuer
  issuerChainPem: string
}): Promise<Identity> {
  const keyPair = request.keyPair ?? (await generateKeyPair(request.key))
  const certificate = await signCertificate({
    subject: nameOf(request.commonName),
    publicKey: keyPair.publicKey,
    issuer,
    validity: validityOf(request, LEAF_DAYS),
    extensions: leafExtensions({
      purposes: request.extendedKeyUsages ?? [PURPOSE_OF[request.kind]],
      dnsNames: request.dnsNames ?? [],
      ipAddresses: request.ipAddresses ?? [],
      uris: request.uris ?? [],
    }),
  })
  const certificatePem = pemOf(certificate)
  return {
    certificatePem,
    chainPem: certificatePem + issuerChainPem,
    privateKeyPem: privateKeyPemOf(keyPair.privateKey),
    serialHex: certificate.serialNumber.toUpperCase(),
    thumbprintS256: thumbprintOf(certificate),
    keyPair,
  }
}

function validityOf(asked: { notBefore?: Date; notAfter?: Date }, days: number) {
  const { notAfter: end } = asked
  // The backdated default start would lie after an end in the past: that is no expired certificate.
  const latestStart = Math.min(Date.now(), end?.getTime() ?? Infinity)
  const notBefore = asked.notBefore ?? new Date(latestStart - BACKDATE_MS)
  return { notBefore, notAfter: end ?? new Date(notBefore.getTime() + days * DAY_MS) }
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}

function thumbprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('base64url')
}

const PURPOSE_OF = { server: 'serverAuth', client: 'clientAuth' } as const
const DAY_MS = 86_400_000
/** Clocks of two machines differ by minutes: nothing may start in its reader's future. */
const BACKDATE_MS = 300_000
const LEAF_DAYS = 30
/** Outlives every leaf issued in its first 60 days. */
const AUTHORITY_DAYS = 90
