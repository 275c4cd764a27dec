/** Certificate and key of a peer, in PEM. */
export interface PeerSetup {
  readonly cert: string
  readonly key: string
}

/** Where a peer listens. */
export interface PeerPorts {
  readonly tcp: number
  readonly tls: number
  readonly https: number
}

/** As long as the measured request, and as the answer to it. */
export const requestBytes = Buffer.alloc(140, 'x')
export const answerBytes = Buffer.alloc(280, 'y')

/** What the authorization server says of a good token. */
export function introspectionAnswer(): string {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  return JSON.stringify({
    active: true,
    client_id: 'acme-billing',
    exp: nowSeconds + 3_600,
    iat: nowSeconds,
    iss: 'https://127.0.0.1:40000',
    scope: 'payments:read payments:write',
    token_type: 'Bearer',
    aud: 'https://payments.trustbench.test',
    org_id: 'acme',
  })
}
