/** One declared parameter of a scenario: what it changes, its default, and every value it takes. */
export interface Parameter {
  readonly describe: string
  readonly default: string
  /** Allowed values; a RegExp where they are open, as for numbers. */
  readonly values: readonly string[] | RegExp
}

/** The full parameter map of one case: every declared name, its value as text. */
export type Parameters = Readonly<Record<string, string>>

/** What a client brings. */
export interface Credentials {
  readonly certificate: boolean
  readonly token: 'none' | 'jwt' | 'opaque'
  /** The token is bound to the client's certificate (RFC 8705). */
  readonly bound: boolean
  /** The token is bound to a key, of which each request brings a proof (RFC 9449). */
  readonly proof?: boolean
  /** What a client may do follows from the URI in its certificate, and from no list of clients. */
  readonly named?: boolean
  /** How the client proves itself to the authorization server, which is what is measured. */
  readonly issuance?: ClientAuthentication
  /** Clients are partners: each with a tenant, scopes and a quota of its own, and a line in the audit trail. */
  readonly partners?: boolean
}

/** One process on the way of a request: a gateway, a sidecar, or in the end the service. */
export interface Hop {
  /** What tables call it. */
  readonly name: string
  /** Program in `servers/`, without `.ts`. */
  readonly program: string
  /** Whose certificates it asks for; `nobody`: TLS without; `plain`: no TLS, on loopback alone. */
  readonly peers: 'clients' | 'gateway' | 'nobody' | 'plain'
  /** Form of the access tokens that it checks itself. */
  readonly token: 'none' | 'jwt'
  /**
   * What it brings to the next hop: access tokens of its own; its own certificate and the client's token;
   * or nothing, to a service beside it. Null in the last.
   */
  readonly brings: 'own-token' | 'certificate-and-token' | 'nothing' | null
}

/** Ways in which a client authenticates at the token endpoint (RFC 6749, RFC 7523, RFC 8705). */
export type ClientAuthentication = 'secret' | 'private_key_jwt' | 'tls_client_auth'

/** A trust mechanism as data. One file in `scenarios/`; the file name is its name. */
export interface ScenarioDefinition {
  /** The question it answers, one sentence. */
  readonly question: string
  /** Program in `servers/`, without `.ts`. */
  readonly server: string
  /** Whether the server speaks TLS. */
  readonly tls: boolean
  /** What a client brings, given the parameters. */
  readonly credentials: (parameters: Parameters) => Credentials
  readonly parameters: Readonly<Record<string, Parameter>>
  /** Scenario against which the cost is told; null for the floor. */
  readonly baseline: string | null
  /** Scenarios whose costs should add up to this one's. */
  readonly parts: (parameters: Parameters) => readonly string[]
  /** Ids of `rejections.md` this scenario must refuse. */
  readonly refuses: (parameters: Parameters) => readonly string[]
  /** Ids accepted by design: measured and reported. */
  readonly records: (parameters: Parameters) => readonly string[]
  /** From the client's side, the first being `server`; default: the server alone. */
  readonly hops?: readonly Hop[]
  /** Parameter settings under which `verify` tries the refusals; default: the defaults alone. */
  readonly verify?: readonly Parameters[]
}

/** A scenario with its name. */
export interface Scenario extends ScenarioDefinition {
  readonly name: string
}

/** One cell of a scenario's parameter matrix. */
export interface Case {
  readonly id: string
  readonly scenario: Scenario
  readonly parameters: Parameters
}

/** Type-checks a definition and returns it unchanged: importing a scenario runs nothing. */
export function defineScenario(definition: ScenarioDefinition): ScenarioDefinition {
  return definition
}

/** Parameters of every scenario. */
export const loadParameters = {
  connections: {
    describe: 'keep-alive connections in the closed loop, no pipelining',
    default: '8',
    values: /^([1-9]\d{0,3}|10000)$/,
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario whose server answers with a payment. */
export const serverParameters = {
  workers: {
    describe: 'processes of the server that share its port, and the keys of its session tickets',
    default: '1',
    values: ['1', '2', '4'],
  },
  bodyBytes: {
    describe: 'length of the answer’s body, where it is not that of the payment alone',
    default: '',
    values: ['', '256', '1024', '4096', '16384', '65536'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario that speaks TLS. `key` sets both ends, the other two override it. */
export const tlsParameters = {
  ...loadParameters,
  ...serverParameters,
  tls: { describe: 'TLS version', default: '1.3', values: ['1.2', '1.3'] },
  key: keyParameter('key type of all certificates', 'p256'),
  serverKey: keyParameter('key type of the server certificate, where it differs from key', ''),
  clientKey: keyParameter('key type of the client certificate, where it differs from key', ''),
  chain: {
    describe: 'certificates that each side presents, the root not among them',
    default: '2',
    values: ['1', '2', '3'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario whose clients say who they are. */
export const callerParameters = {
  clients: {
    describe:
      'distinct clients, each with a certificate, a tenant and a JWT of its own, on connections in turn',
    default: '1',
    values: ['1', '50', '1k'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario with client certificates. */
export const revocationParameters = {
  crl: {
    describe: 'revoked certificates on the list that each client certificate is checked against',
    default: '0',
    values: ['0', '1', '1k', '20k', '100k'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario with JWT access tokens. */
export const jwtParameters = {
  alg: {
    describe: 'JWS algorithm of the access token',
    default: 'ES256',
    values: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA', 'HS256'],
  },
  verifier: {
    describe: 'what verifies the access token: jose, node:crypto, fast-jwt',
    default: 'jose',
    values: ['jose', 'node', 'fast-jwt'],
  },
  tokenCache: {
    describe: 'whether a token that was verified is taken again for a minute, never past exp',
    default: 'off',
    values: ['off', 'on'],
  },
  tokenBytes: {
    describe: 'length of the access token, where it is not that of its claims alone',
    default: '',
    values: ['', '1024', '2048', '4096', '8192'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario whose clients bring bearer tokens, or tokens bound to certificates. */
export const tokenPoolParameters = {
  tokens: {
    describe: 'distinct access tokens that requests bring in turn; opaque ones up to 1k',
    default: '1',
    values: ['1', '1k', '100k'],
  },
  hitRatio: {
    describe: 'share of requests whose token is in the cache, where that is not left to chance',
    default: '',
    values: ['', '0', '0.5', '0.9', '0.99', '1'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario with introspection. */
export const introspectionParameters = {
  introspectionCache: {
    describe: 'how long an introspection answer may be reused',
    default: 'off',
    values: ['off', '1s', '5s', '60s'],
  },
  store: {
    describe:
      'where the authorization server keeps tokens; a database at redis:// or postgres:// is yours, on this machine, its password in TRUSTBENCH_STORE_PASSWORD, and its CPU is in no figure',
    default: 'sqlite',
    values:
      /^(sqlite|memory|(redis|postgres):\/\/([\w.-]+@)?(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(\/[\w-]*)?)$/,
  },
  issuerLatencyMs: {
    describe: 'how long the authorization server holds back each answer',
    default: '0',
    values: ['0', '1', '5', '20', '50'],
  },
} as const satisfies Record<string, Parameter>

/** As `tlsParameters`, where a server is one process. */
export const oneProcessParameters = {
  connections: tlsParameters.connections,
  bodyBytes: tlsParameters.bodyBytes,
  tls: tlsParameters.tls,
  key: tlsParameters.key,
  serverKey: tlsParameters.serverKey,
  clientKey: tlsParameters.clientKey,
  chain: tlsParameters.chain,
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario with several hops. */
export const hopParameters = {
  ...oneProcessParameters,
  spans: {
    describe: 'whether each hop takes the time of its part of every request',
    default: 'on',
    values: ['on', 'off'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of every scenario whose clients are partners. */
export const partnerParameters = {
  ...oneProcessParameters,
  connections: { ...tlsParameters.connections, default: '50' },
  partners: {
    describe:
      'partners, each with a credential, a tenant, scopes and a quota, on connections in turn',
    default: '50',
    values: ['50', '100', '200'],
  },
  credential: {
    describe: 'what a partner comes with: an access token or a certificate',
    default: 'token',
    values: ['token', 'certificate'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of scenarios that a product can serve as well as a reference server of ours. */
export const gatewayParameters = {
  gateway: {
    describe:
      'who serves: the Node reference server, or a product of this machine; --gateway sets it',
    default: 'node',
    values: ['node', 'nginx', 'haproxy', 'apache', 'envoy'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of scenarios whose gateway can ask about client certificates. */
export const ocspParameters = {
  ocsp: {
    describe:
      'whether a responder is asked about each client certificate, at every full handshake or once; nginx alone does',
    default: 'off',
    values: ['off', 'on', 'cached'],
  },
} as const satisfies Record<string, Parameter>

/** Parameters of issuing tokens. */
export const issuanceParameters = {
  connections: tlsParameters.connections,
  tls: tlsParameters.tls,
  key: tlsParameters.key,
  serverKey: tlsParameters.serverKey,
  clientKey: tlsParameters.clientKey,
  chain: tlsParameters.chain,
  alg: jwtParameters.alg,
  tokenBytes: jwtParameters.tokenBytes,
  store: introspectionParameters.store,
  issuerLatencyMs: introspectionParameters.issuerLatencyMs,
  clientAuthentication: {
    describe: 'how the client proves itself at the token endpoint',
    default: 'private_key_jwt',
    values: ['secret', 'private_key_jwt', 'tls_client_auth'],
  },
  token: { describe: 'form of the access token', default: 'jwt', values: ['jwt', 'opaque'] },
} as const satisfies Record<string, Parameter>

/**
 * Settings that add nothing to a case: where all rows of a table or chart have them they are not told, or
 * what was set could not be seen among what was not.
 */
export const quietSettings: ReadonlySet<string> = new Set(
  Object.entries({
    clients: callerParameters.clients,
    tokens: tokenPoolParameters.tokens,
    tokenCache: jwtParameters.tokenCache,
    verifier: jwtParameters.verifier,
    store: introspectionParameters.store,
    issuerLatencyMs: introspectionParameters.issuerLatencyMs,
    workers: serverParameters.workers,
    spans: hopParameters.spans,
    gateway: gatewayParameters.gateway,
    ocsp: ocspParameters.ocsp,
  }).map(([name, parameter]) => `${name}=${parameter.default}`),
)

/** The way of authentication that parameters name. */
export function clientAuthenticationOf({ clientAuthentication }: Parameters): ClientAuthentication {
  const ways = ['secret', 'private_key_jwt', 'tls_client_auth'] as const
  return ways.find((way) => way === clientAuthentication) ?? 'private_key_jwt'
}

function keyParameter(describe: string, fallback: string): Parameter {
  const keys = ['p256', 'p384', 'rsa2048', 'rsa4096', 'ed25519']
  return { describe, default: fallback, values: fallback === '' ? ['', ...keys] : keys }
}
