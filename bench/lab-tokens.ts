import { importJWK } from 'jose'
import type { JWK } from 'jose'
import * as oauth from 'openid-client'
import { Agent } from 'undici'
import type { RegisteredClient } from '../servers/config.ts'
import { fetchBy } from '../servers/issuer-fetch.ts'
import type { Identity } from '../servers/pki.ts'
import { publicJwk } from './lab-credentials.ts'
import type { Lab } from './lab.ts'

/** What token to fetch, and as whom. */
export interface TokenRequest {
  /** Resource indicator (RFC 8707): one of `resources`. */
  readonly resource: string
  /** Registered client. */
  readonly client: string
  /** Certificate to connect with; default: the lab's good one where the client authenticates by it. */
  readonly certificate?: Identity
  readonly scope?: string
  /** Private key that the token is to be bound to (RFC 9449); default: none. */
  readonly proofKey?: JWK
}

/** Fetches an access token from the authorization server as a real client would (RFC 6749 section 4.4). */
export async function fetchToken(
  lab: Lab,
  issuerUrl: string,
  request: TokenRequest,
): Promise<string> {
  const [token = ''] = await fetchTokens(lab, issuerUrl, request, 1)
  return token
}

/** Fetches so many, one after the other. */
export function fetchTokens(
  lab: Lab,
  issuerUrl: string,
  { resource, ...request }: TokenRequest,
  count: number,
): Promise<string[]> {
  const resources = Array.from({ length: count }, () => resource)
  return fetchTokensFor(lab, issuerUrl, request, resources)
}

/** Fetches one token for each of several resources, one after the other over one connection. */
export async function fetchTokensFor(
  lab: Lab,
  issuerUrl: string,
  request: Omit<TokenRequest, 'resource'>,
  resources: readonly string[],
): Promise<string[]> {
  const client = registered(lab, request.client)
  await using connected = await connectTo(lab, issuerUrl, request)
  const proof = request.proofKey === undefined ? null : await keyPairOf(request.proofKey)
  const tokens: string[] = []
  for (const resource of resources) {
    const response = await oauth.clientCredentialsGrant(
      connected.configuration,
      { resource, scope: request.scope ?? client.scope },
      proof === null ? {} : { DPoP: oauth.getDPoPHandle(connected.configuration, proof) },
    )
    tokens.push(response.access_token)
  }
  return tokens
}

/** Revokes a token (RFC 7009); returns the error code of an issuer that does not, else null. */
export async function revokeToken(
  lab: Lab,
  issuerUrl: string,
  request: Pick<TokenRequest, 'client' | 'certificate'> & { readonly token: string },
): Promise<string | null> {
  await using connected = await connectTo(lab, issuerUrl, request)
  try {
    await oauth.tokenRevocation(connected.configuration, request.token)
    return null
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error
    throw error
  }
}

async function connectTo(
  lab: Lab,
  issuerUrl: string,
  request: Pick<TokenRequest, 'client' | 'certificate'>,
): Promise<AsyncDisposable & { readonly configuration: oauth.Configuration }> {
  const client = registered(lab, request.client)
  const certificate =
    request.certificate ?? (client.authentication === 'tls_client_auth' ? lab.good : undefined)
  const agent = createAgent(lab, certificate)
  const configuration = await oauth.discovery(
    new URL(issuerUrl),
    client.clientId,
    {},
    await authenticationOf(lab, client),
    { [oauth.customFetch]: (url, options) => fetchBy(agent, url, options) },
  )
  return { configuration, [Symbol.asyncDispose]: () => agent.close() }
}

async function keyPairOf(jwk: JWK): Promise<oauth.CryptoKeyPair> {
  const [privateKey, publicKey] = await Promise.all([importJWK(jwk), importJWK(publicJwk(jwk))])
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array)
    throw new Error('the key of proofs is symmetric')
  return { privateKey, publicKey }
}

function registered({ clients }: Lab, clientId: string): RegisteredClient {
  const client = clients.find((each) => each.clientId === clientId)
  if (client === undefined) throw new Error(`client ${clientId} is not registered in the lab`)
  return client
}

async function authenticationOf(lab: Lab, client: RegisteredClient): Promise<oauth.ClientAuth> {
  switch (client.authentication) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(lab.secret)
    case 'tls_client_auth':
      return oauth.TlsClientAuth()
    case 'private_key_jwt': {
      const key = await importJWK(lab.assertionKey, lab.assertionKey.alg)
      if (key instanceof Uint8Array) throw new Error('the assertion key is symmetric')
      return oauth.PrivateKeyJwt({ key, kid: lab.assertionKey.kid ?? '' })
    }
  }
}

function createAgent(lab: Lab, certificate: Identity | undefined): Agent {
  const identity = certificate && { cert: certificate.chainPem, key: certificate.privateKeyPem }
  return new Agent({ connect: { ca: lab.rootPem, ...identity } })
}
