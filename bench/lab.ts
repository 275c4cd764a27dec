import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JWK } from 'jose'
import type { OcspConfig, RegisteredClient } from '../servers/config.ts'
import { writeSecretFile } from '../servers/pki.ts'
import type { Authority, Identity } from '../servers/pki.ts'
import { createConfigurations } from './lab-configurations.ts'
import type { Configurations } from './lab-configurations.ts'
import {
  allowedClients,
  certify,
  clientProfile,
  createPrivateJwk,
  createSigningKeys,
  publicJwk,
  registeredClients,
  uris,
} from './lab-credentials.ts'
import { allowedCrowd, crowdOf } from './crowd.ts'
import { labSettings } from './lab-settings.ts'
import type { LabSettings } from './lab-settings.ts'
import type { Parameters } from './scenario.ts'
import { sweepStale, temporaryPrefix } from './temporary.ts'

/** Files of the good client, for programs that take paths: curl, autocannon. */
export interface ClientFiles {
  readonly certificateFile: string
  readonly keyFile: string
  /** PEM: leaf, then intermediates. */
  readonly chainFile: string
}

/** A gateway's own identity, and where its process finds it. */
export interface GatewayIdentity {
  readonly identity: Identity
  readonly certificateFile: string
  readonly keyFile: string
}

/** All credentials of one case, in a folder of mode 0700 that goes with it. */
export interface Lab extends AsyncDisposable, Configurations {
  readonly folder: string
  readonly parameters: Parameters
  readonly settings: LabSettings
  readonly root: Authority
  /** Signs every certificate of the lab: an intermediate, or the root itself where the chain is one certificate. */
  readonly issuing: Authority
  readonly rootPem: string
  /** PEM of the CRLs of all authorities, with nothing revoked. */
  readonly crlPem: string
  /** PEM of the CRLs of those above the one that signs; empty where that is the root. */
  readonly aboveCrlPem: string
  readonly caFile: string
  readonly crlFile: string
  /** What servers present. */
  readonly server: Identity
  /** `acme/billing`: the client that is measured. */
  readonly good: Identity
  readonly clientFiles: ClientFiles
  /** Certificates of the many clients, in the order of `crowdOf`; issued when first asked for. */
  readonly crowd: () => Promise<readonly Identity[]>
  /** Certificate of the gateway in front of a mesh, with its files; issued when first asked for. */
  readonly gateway: () => Promise<GatewayIdentity>
  /** Private keys of the authorization server: the first is of the wanted algorithm. */
  readonly signingKeys: readonly JWK[]
  readonly clients: readonly RegisteredClient[]
  /** Private key of the clients that authenticate by `private_key_jwt`. */
  readonly assertionKey: JWK
  /** Private key that the tokens of `acme-billing-dpop` are bound to. */
  readonly proofKey: JWK
  /** Secret of the clients and resource servers that authenticate by one. */
  readonly secret: string
}

/**
 * Creates the certificates, keys and secrets of one case. Without a `folder` it makes a fresh one and
 * removes it in the end; a given folder must exist and be empty, and stays.
 */
export async function createLab(request: {
  parameters: Parameters
  folder?: string
}): Promise<Lab> {
  await sweepStale('lab')
  await sweepStale('cache')
  const folder = request.folder ?? (await mkdtemp(join(tmpdir(), temporaryPrefix('lab'))))
  const remove = async (): Promise<void> => {
    if (request.folder === undefined) await rm(folder, { recursive: true, force: true })
  }
  try {
    return await equip(folder, request.parameters, remove)
  } catch (error) {
    await remove()
    throw error
  }
}

function createCrowd(
  issuing: Authority,
  { clients, clientKey }: LabSettings,
): () => Promise<readonly Identity[]> {
  let made: Promise<readonly Identity[]> | null = null
  return () =>
    (made ??= Promise.all(
      crowdOf(clients).map(({ uri }) => issuing.issue({ ...clientProfile(uri), key: clientKey })),
    ))
}

function createGateway(
  issuing: Authority,
  { clientKey }: LabSettings,
  write: (name: string, text: string) => Promise<string>,
): () => Promise<GatewayIdentity> {
  let made: Promise<GatewayIdentity> | null = null
  const make = async () => {
    const identity = await issuing.issue({ ...clientProfile(uris.edge), key: clientKey })
    return {
      identity,
      certificateFile: await write('gateway-chain.pem', identity.chainPem),
      keyFile: await write('gateway-key.pem', identity.privateKeyPem),
    }
  }
  return () => (made ??= make())
}

async function equip(
  folder: string,
  parameters: Parameters,
  remove: () => Promise<void>,
): Promise<Lab> {
  const settings = labSettings(parameters)
  const [certified, signingKeys, assertionKey, proofKey] = await Promise.all([
    certify(settings),
    createSigningKeys(settings.algorithm),
    createPrivateJwk('ES256'),
    createPrivateJwk('ES256'),
  ])
  const { root, issuing, server, good, crlPem, aboveCrlPem } = certified
  const secret = randomBytes(32).toString('base64url')
  const write = (name: string, text: string | Uint8Array) => writeSecretFile(folder, name, text)
  const clientFiles: ClientFiles = {
    certificateFile: await write('client.pem', good.certificatePem),
    keyFile: await write('client-key.pem', good.privateKeyPem),
    chainFile: await write('client-chain.pem', good.chainPem),
  }
  const caFile = await write('ca.pem', root.certificatePem)
  const crlFile = await write('crl.pem', crlPem)
  const secretFile = await write('client-secret', secret)
  const shared = signingKeys.find(({ kty }) => kty === 'oct')
  const publicKeyed = signingKeys.filter((key) => key !== shared)
  // Not in the URL: parameters are part of every result.
  const storePassword = process.env['TRUSTBENCH_STORE_PASSWORD']
  const clients = registeredClients({
    secretFile,
    jwksFile: await write('client-jwks.json', JSON.stringify({ keys: [publicJwk(assertionKey)] })),
  })
  const configurations = await createConfigurations({
    folder,
    settings,
    ocsp: settings.ocsp === 'off' ? null : await createOcspFiles(settings, issuing, write),
    trust: {
      caFile,
      crlFile,
      allowed: { ...allowedClients, ...allowedCrowd(settings.clients) },
      bySan: null,
    },
    clients,
    tls: {
      version: settings.version,
      certificateFile: await write('server-chain.pem', server.chainPem),
      keyFile: await write('server-key.pem', server.privateKeyPem),
      ticketSecretFile: await write('ticket-secret', randomBytes(ticketSecretBytes)),
      pinnedTicketKeys: false,
    },
    secretFile,
    signingJwksFile: await write('signing-jwks.json', JSON.stringify({ keys: publicKeyed })),
    sharedSecretFile:
      shared?.k === undefined
        ? null
        : await write('shared-secret', Buffer.from(shared.k, 'base64url')),
    storePasswordFile:
      storePassword === undefined ? null : await write('store-password', storePassword),
  })
  return {
    folder,
    parameters,
    settings,
    root,
    issuing,
    rootPem: root.certificatePem,
    crlPem,
    aboveCrlPem,
    caFile,
    crlFile,
    server,
    good,
    clientFiles,
    signingKeys,
    crowd: createCrowd(issuing, settings),
    gateway: createGateway(issuing, settings, write),
    clients,
    assertionKey,
    proofKey,
    secret,
    ...configurations,
    [Symbol.asyncDispose]: remove,
  }
}

/** What a responder signs with: a certificate for that alone, of the authority it speaks for (RFC 6960 section 4.2.2.2). */
async function createOcspFiles(
  { ocsp, clientKey }: LabSettings,
  issuing: Authority,
  write: (name: string, text: string) => Promise<string>,
): Promise<OcspConfig> {
  const signer = await issuing.issue({
    kind: 'client',
    key: clientKey,
    commonName: 'trustbench OCSP',
    extendedKeyUsages: ['ocspSigning'],
  })
  return {
    issuerFile: await write('ocsp-issuer.pem', issuing.certificatePem),
    signerFile: await write('ocsp-signer.pem', signer.certificatePem),
    signerKeyFile: await write('ocsp-signer-key.pem', signer.privateKeyPem),
    cached: ocsp === 'cached',
  }
}

const ticketSecretBytes = 32
