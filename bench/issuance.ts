import { randomUUID } from 'node:crypto'
import { resources } from '../servers/config.ts'
import type { Identity } from '../servers/pki.ts'
import type { Lab } from './lab.ts'
import { secondsFromNow, signerOf } from './preflight/forge.ts'
import type { ClientAuthentication } from './scenario.ts'

/** A token request (RFC 6749 section 4.4) of a client that authenticates in one way. */
export interface IssuanceRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Of the next request: an assertion is good once. */
  readonly body: () => string
  /** Certificate to connect with; null for none. */
  readonly identity: Identity | null
}

/** What a client of the lab sends to the token endpoint of `issuerUrl`. */
export function issuanceRequest(
  lab: Lab,
  issuerUrl: string,
  { by, form }: { readonly by: ClientAuthentication; readonly form: 'jwt' | 'opaque' },
): IssuanceRequest {
  const clientId = clientIds[by]
  const common = {
    grant_type: 'client_credentials',
    client_id: clientId,
    resource: resources[form],
    scope: 'payments:read payments:write',
  }
  const encode = (parameters: Readonly<Record<string, string>>) =>
    String(new URLSearchParams({ ...common, ...parameters }))
  const type = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const request = { path: '/token', headers: type, identity: null }
  switch (by) {
    case 'secret': {
      const basic = Buffer.from(`${clientId}:${lab.secret}`).toString('base64')
      const body = encode({})
      const headers = { ...type, authorization: `Basic ${basic}` }
      return { ...request, headers, body: () => body }
    }
    case 'private_key_jwt': {
      const assertion = createAssertions(lab, issuerUrl, clientId)
      return {
        ...request,
        body: () => encode({ client_assertion_type: assertionType, client_assertion: assertion() }),
      }
    }
    case 'tls_client_auth': {
      const body = encode({})
      return { ...request, identity: lab.good, body: () => body }
    }
  }
}

/** Client assertions (RFC 7523 section 3), each with a `jti` of its own. */
function createAssertions(
  { assertionKey }: Lab,
  issuerUrl: string,
  clientId: string,
): () => string {
  const sign = signerOf(assertionKey)
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = encoded({ alg: assertionKey.alg, kid: assertionKey.kid, typ: 'JWT' })
  return () => {
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: issuerUrl,
      jti: randomUUID(),
      iat: secondsFromNow(0),
      exp: secondsFromNow(assertionTtlSeconds),
    }
    const input = `${header}.${encoded(claims)}`
    return `${input}.${sign(input).toString('base64url')}`
  }
}

const clientIds: Readonly<Record<ClientAuthentication, string>> = {
  secret: 'acme-terminal',
  private_key_jwt: 'acme-billing',
  tls_client_auth: 'acme-billing-bound',
}
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const assertionTtlSeconds = 60
