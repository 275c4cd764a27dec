// Names of the series of trials: what measures them and what reads them must mean the same.

/** Of `refusal-cost`. */
export const refusalCostSeries = {
  certificate: 'rogue certificate, refused in the handshake',
  goodConnection: 'good certificate, a new connection and one request',
  tokenNew: 'forged token on a new connection, 401',
  tokenLive: 'forged token on a live connection, 401',
  goodToken: 'good token on a live connection',
  handlerCalls: 'handler calls of refused attempts',
} as const

/** Of `handshake-verdicts`. */
export const handshakeSeries = {
  tried: (version: string) => `TLS ${version}: bad certificates tried`,
  finished: (version: string) =>
    `TLS ${version}: client had done its handshake before it was refused`,
  alerted: (version: string) => `TLS ${version}: client was told by an alert`,
  served: (version: string) => `TLS ${version}: served`,
  resumedTried: 'stolen session without its certificate and key: tried',
  resumedServed: 'stolen session without its certificate and key: served',
} as const

/** Of `cold-start`. */
export const coldStartSeries = {
  mtlsStart: 'mTLS: process until it listens',
  mtlsFirst: 'mTLS: first request of a cold server, handshake included',
  mtlsConnection: 'mTLS: first request on another connection',
  mtlsRequest: 'mTLS: another request on it',
  jwtStart: 'JWT: process until it listens',
  tokenFetch: 'JWT: discovery and token, by a client that just began',
  jwtFirst: 'JWT: first request of a cold server, handshake and key set included',
  jwtConnection: 'JWT: first request on another connection',
  jwtRequest: 'JWT: another request on it',
} as const

/** Sizes of the fleets whose certificates are renewed. */
export const fleets = [10, 100, 1_000] as const

/** Of `certificates`. */
export const certificateSeries = {
  certificate: 'a certificate and its key, CPU of the CA',
  token: 'a token, CPU of the issuer',
  renewal: (clients: number) => `certificates for ${clients} clients, one after the other`,
} as const

/** APIs that one agent calls. */
export const agentApis = 50

/** Of `agent`. */
export const agentSeries = {
  tokensIssuer: `tokens for ${agentApis} audiences, CPU of the issuer`,
  tokensAgent: `tokens for ${agentApis} audiences, CPU of the agent`,
  tokensBytes: `tokens for ${agentApis} audiences, bytes held`,
  certificatesServer: `handshakes with ${agentApis} certificates, CPU of the servers`,
  certificatesAgent: `handshakes with ${agentApis} certificates, CPU of the agent`,
  certificatesIssue: `making ${agentApis} certificates with their keys, CPU of the CA`,
  certificatesBytes: `${agentApis} certificates with their keys, bytes held`,
} as const

/** Sizes that are tried. */
export const sizes = { authorities: [1, 100, 500], clients: [1, 10_000] } as const

/** Of `sprawl`. */
export const sprawlSeries = {
  authorities: (count: number) => `a trust store with ${count} CA${count === 1 ? '' : 's'}`,
  clients: (count: number) => `a list with ${count} client${count === 1 ? '' : 's'} more`,
} as const

/** Mechanisms that are counted. */
export const mechanisms = ['tls', 'mtls', 'jwt', 'introspection', 'combined'] as const

/** Of `stacks`. */
export const stackSeries = {
  processes: (scenario: string) => `${scenario}: server processes`,
  secrets: (scenario: string) =>
    `${scenario}: secrets to keep (keys, passwords), clients' own included`,
  endpoints: (scenario: string) => `${scenario}: endpoints that somebody must reach`,
  settings: (scenario: string) => `${scenario}: configuration values`,
} as const
