import { exportJWK, generateKeyPair } from 'jose'
import type { GenerateKeyPairResult } from 'jose'
import type { ClientRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { RequestOptions } from 'node:https'
import { join } from 'node:path'
import * as oauth from 'openid-client'
import { resources } from './config.ts'
import type {
  AuthorizationConfig,
  ClientTrust,
  RegisteredClient,
  SigningAlgorithm,
} from './config.ts'
import type { Identity } from './pki.ts'
import { createTestbed, send, startServer } from './server-testbed.ts'
import type { Answer, RunningServer, Testbed } from './server-testbed.ts'

/** A testbed with the keys, secrets and configuration of an authorization server. */
export interface AuthorizationBed extends Testbed {
  readonly authorization: AuthorizationConfig
  /** Keys of the client `assertion`. */
  readonly assertionKeys: GenerateKeyPairResult
  /** As `client`, but on the CRL. */
  readonly revoked: Identity
  /** What the server trusts at its start. */
  readonly trusted: ClientTrust
  readonly start: (changes?: Partial<AuthorizationConfig>) => Promise<Authorization>
  /** Requests to a server that is started otherwise. */
  readonly reach: (port: number) => Requests
}

/** A running authorization server. */
export type Authorization = RunningServer & Requests

/** Ways to ask an authorization server. */
export interface Requests {
  readonly issuer: string
  /** One request on a connection of its own, unless `options` brings an agent. */
  readonly ask: (path: string, options?: Ask) => Promise<OAuthAnswer>
  /** Asks for an opaque token by client credentials; `form` adds to that or replaces it. */
  readonly token: (options: Ask) => Promise<OAuthAnswer>
  /** Sends a token request but its body; `end(tokenBody)` is what is missing. */
  readonly begin: (identity: Identity) => ClientRequest
  /** A client of the public library, with what it knows of this server by discovery. */
  readonly connect: (clientId: string, caller: Caller) => Promise<oauth.Configuration>
}

/** A request: `form` is posted. */
export interface Ask extends Omit<RequestOptions, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Form
}

/** Parameters of a form; a list is sent as several of one name. */
export type Form = Readonly<Record<string, string | readonly string[]>>

/** An answer with its JSON members; none where it is no JSON object. */
export interface OAuthAnswer extends Answer {
  readonly members: Readonly<Record<string, unknown>>
}

/** How a client authenticates, and the certificate that it presents if any. */
export interface Caller {
  readonly by: oauth.ClientAuth
  readonly identity?: Identity
}

/** URI of the good client certificate. */
export const goodUri = 'spiffe://trustbench.test/acme/billing'

/** URI of another tenant's client certificate. */
export const globexUri = 'spiffe://trustbench.test/globex/billing'

/** Form of the client `certificate` that gets a token. */
export const tokenBody = `grant_type=client_credentials&client_id=certificate&resource=${resources.opaque}`

/** Secrets by client: tests also look for them where they must not be. */
export const secrets = {
  secret: 'first-secret with/odd:characters%41+',
  'secret-bound': 'second-secret-0123456789',
  'payments-api': 'third-secret-0123456789',
} as const

/** Writes all files of an authorization server; disposing removes them. */
export async function createAuthorizationBed(): Promise<AuthorizationBed> {
  const bed = await createTestbed()
  const assertionKeys = await generateKeyPair('ES256', { extractable: true })
  const revoked = await bed.issueClient([goodUri])
  const trusted = await bed.trust([revoked.serialHex])
  const authorization = await writeConfig(bed, trusted, await exportJWK(assertionKeys.publicKey))
  return {
    ...bed,
    authorization,
    assertionKeys,
    revoked,
    trusted,
    start: async (changes = {}) => {
      const server = await startServer(bed, 'authorization', { ...authorization, ...changes })
      return { ...server, ...reach(bed, server.port) }
    },
    reach: (port) => reach(bed, port),
  }
}

/** The header of RFC 6749 section 2.3.1: both parts are form-encoded first. */
export function basic(clientId: string, secret: string): { authorization: string } {
  const [id, password] = [encodeURIComponent(clientId), encodeURIComponent(secret)]
  return { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` }
}

/** TLS options of a client that presents a certificate. */
export function presenting({ chainPem, privateKeyPem }: Identity): { cert: string; key: string } {
  return { cert: chainPem, key: privateKeyPem }
}

/** Private keys of several algorithms, without `alg`, as in the middle of a change of algorithm. */
export async function signingKeys(
  ...algorithms: readonly SigningAlgorithm[]
): Promise<{ keys: object[] }> {
  const keys = algorithms.map(async (algorithm) => {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
    return { ...(await exportJWK(privateKey)), kid: algorithm, use: 'sig' }
  })
  return { keys: await Promise.all(keys) }
}

function reach(bed: Testbed, port: number): Requests {
  const issuer = `https://127.0.0.1:${port}`
  const address = { host: '127.0.0.1', servername: 'localhost', port, ca: bed.caPem }
  const ask = async (path: string, { form, ...options }: Ask = {}): Promise<OAuthAnswer> => {
    const answer = await send({
      ...address,
      path,
      ...options,
      ...(form && posted(form, options)),
    })
    return { ...answer, members: membersOf(answer) }
  }
  return {
    issuer,
    ask,
    token: ({ form, ...options }) => ask('/token', { ...options, form: { ...tokenForm, ...form } }),
    begin: (identity) => {
      const headers = { 'content-type': formType, 'content-length': tokenBody.length }
      const connection = { ...address, ...presenting(identity), agent: false }
      const request = httpsRequest({ ...connection, method: 'POST', path: '/token', headers })
      request.flushHeaders()
      return request
    },
    connect: (clientId, { by, identity }) =>
      oauth.discovery(new URL(issuer), clientId, undefined, by, {
        algorithm: 'oauth2',
        [oauth.customFetch]: async (url, { method, headers, body }) => {
          const tls = identity === undefined ? {} : presenting(identity)
          const form = body instanceof URLSearchParams && { form: Object.fromEntries(body) }
          return responseOf(await ask(new URL(url).pathname, { method, headers, ...tls, ...form }))
        },
      }),
  }
}

function posted(form: Form, { headers }: Ask) {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) {
    for (const one of typeof value === 'string' ? [value] : value) body.append(name, one)
  }
  return {
    method: 'POST',
    headers: { ...headers, 'content-type': formType },
    body: body.toString(),
  }
}

function membersOf({ headers, body }: Answer): Record<string, unknown> {
  if (!String(headers['content-type']).startsWith('application/json')) return {}
  const value: unknown = JSON.parse(body)
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {}
}

function responseOf({ status, headers, body }: Answer): Response {
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  return new Response(body, { status, headers: Object.fromEntries(pairs) })
}

async function writeConfig(
  bed: Testbed,
  trusted: ClientTrust,
  assertionKey: object,
): Promise<AuthorizationConfig> {
  const { tls } = await bed.config()
  if (tls === null) throw new Error('the testbed has no TLS configuration')
  const keys = await signingKeys('RS256', 'ES256', 'EdDSA')
  const secretFile = await bed.write('secret', secrets['payments-api'])
  return {
    host: '127.0.0.1',
    port: 0,
    tls,
    clientCaFile: trusted.caFile,
    clientCrlFile: trusted.crlFile,
    signingJwksFile: await bed.write('signing.json', JSON.stringify(keys)),
    algorithm: 'ES256',
    audience: 'https://payments.trustbench.test',
    clients: await registeredClients(bed, assertionKey),
    introspectors: [{ clientId: 'payments-api', secretFile }],
    sharedSecretFile: null,
    store: 'sqlite',
    storePasswordFile: null,
    databaseFile: join(bed.folder, 'tokens.sqlite'),
    accessTokenTtlSeconds: 600,
    tokenBytes: 0,
    latencyMs: 0,
  }
}

async function registeredClients(bed: Testbed, assertionKey: object): Promise<RegisteredClient[]> {
  const common = {
    orgId: 'acme',
    scope: 'payments:read payments:write',
    secretFile: null,
    previousSecretFile: null,
    jwksFile: null,
    sanUri: null,
    boundTokens: false,
    proofBoundTokens: false,
  }
  const bySecret = { ...common, authentication: 'client_secret_basic' } as const
  const byCertificate = { ...common, authentication: 'tls_client_auth', sanUri: goodUri } as const
  const secretFile = await bed.write('secret', secrets.secret)
  const boundSecretFile = await bed.write('secret', secrets['secret-bound'])
  const jwksFile = await bed.write('client.json', JSON.stringify({ keys: [assertionKey] }))
  return [
    { ...bySecret, clientId: 'secret', secretFile },
    { ...bySecret, clientId: 'secret-bound', secretFile: boundSecretFile, boundTokens: true },
    { ...common, clientId: 'assertion', authentication: 'private_key_jwt', jwksFile },
    { ...byCertificate, clientId: 'certificate' },
    { ...byCertificate, clientId: 'certificate-bound', boundTokens: true },
    { ...byCertificate, clientId: 'globex', orgId: 'globex', sanUri: globexUri },
  ]
}

const formType = 'application/x-www-form-urlencoded'
const tokenForm: Form = { grant_type: 'client_credentials', resource: resources.opaque }
