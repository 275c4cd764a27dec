import * as oauth from 'openid-client'
import { Agent } from 'undici'
import type { UpstreamConfig } from './config.ts'
import { fetchBy } from './issuer-fetch.ts'
import { readConfigured, required } from './process.ts'

/** A token as the issuer gave it, and how long it lives from then on. */
export interface FetchedToken {
  readonly token: string
  readonly lifetimeSeconds: number
}

/** Fetches tokens as the client of each tenant, with this hop's certificate as proof (RFC 8705 section 2.1.2). */
export function createTokenFetch({
  identity,
  ownTokens,
}: UpstreamConfig): (orgId: string) => Promise<FetchedToken> {
  const { issuer, caFile, clientIds, resource, scope } = required('upstream.ownTokens', ownTokens)
  const { certificateFile, keyFile } = required('upstream.identity', identity)
  const agent = new Agent({
    connect: {
      ca: readConfigured('upstream.ownTokens.caFile', caFile),
      cert: readConfigured('upstream.identity.certificateFile', certificateFile),
      key: readConfigured('upstream.identity.keyFile', keyFile),
    },
  })
  return async (orgId) => {
    const configuration = await oauth.discovery(
      new URL(issuer),
      clientIds[orgId] ?? '',
      {},
      oauth.TlsClientAuth(),
      { [oauth.customFetch]: (url, options) => fetchBy(agent, url, options) },
    )
    const answer = await oauth.clientCredentialsGrant(configuration, { resource, scope })
    return { token: answer.access_token, lifetimeSeconds: answer.expiresIn() ?? 0 }
  }
}
