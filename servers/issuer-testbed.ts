import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWTPayload } from 'jose'
import type { IssuerConfig, SigningAlgorithm } from './config.ts'
import type { Testbed } from './server-testbed.ts'
import { createTelemetry } from './telemetry.ts'
import type { Telemetry } from './telemetry.ts'

/** A request that reached the issuer. */
export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An authorization server of a few lines, whose every answer a test can change. */
export interface FakeIssuer extends AsyncDisposable {
  readonly config: IssuerConfig
  readonly seen: SeenRequest[]
  /** Private key of the one algorithm of the key set. */
  readonly key: CryptoKey
  /** The published key set. */
  readonly keySet: { keys: object[] }
  /** Answers introspection; default: 200 with `introspection` of the token. */
  answer: (token: string, response: ServerResponse) => void
  /** Introspection answers by token; every other token is inactive. */
  readonly introspection: Map<string, object>
  /** Signs the good claims, changed; null removes a claim. */
  readonly mint: (claims?: object, header?: object) => Promise<string>
}

/** Claims of the good token of a test. */
export function goodClaims(issuer: IssuerConfig, nowMs = Date.now()): JWTPayload {
  const iat = Math.floor(nowMs / 1_000)
  return {
    iss: issuer.issuer,
    aud: issuer.audience,
    sub: 'acme-billing',
    client_id: 'acme-billing',
    jti: 'token-1',
    iat,
    exp: iat + 60,
    scope: 'payments:read payments:write',
    org_id: 'acme',
  }
}

/** Starts an issuer with one signing key and a certificate of the testbed's authority. */
export async function startIssuer(
  bed: Testbed,
  algorithm: SigningAlgorithm = 'ES256',
): Promise<FakeIssuer> {
  const identity = await bed.issueServer(['localhost'])
  const server = createServer({ cert: identity.chainPem, key: identity.privateKeyPem })
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg: algorithm, use: 'sig' }
  const introspection = new Map<string, object>()
  const issuer: Omit<FakeIssuer, 'config' | 'mint'> = {
    seen: [],
    key: privateKey,
    keySet: { keys: [jwk] },
    introspection,
    answer: (token, response) => {
      answerJson(response, introspection.get(token) ?? { active: false })
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      if (server.listening) await once(server.close(), 'close')
    },
  }
  server.on('request', (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      issuer.seen.push({ path: request.url ?? '', headers: request.headers, body })
      if (request.url === '/jwks') answerJson(response, issuer.keySet)
      else issuer.answer(new URLSearchParams(body).get('token') ?? '', response)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const config = await issuerConfig(bed, `https://localhost:${port}`, algorithm)
  return Object.assign(issuer, {
    config,
    mint: (claims: object = {}, header: object = {}) => {
      const all = Object.entries({ ...goodClaims(config), ...claims })
      const wanted = Object.fromEntries(all.filter(([, value]) => value !== null))
      return new SignJWT(wanted)
        .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: 'key-1', ...header })
        .sign(privateKey)
    },
  })
}

/** A configuration for an issuer at `url`, whether or not there is one. */
export async function issuerConfig(
  bed: Testbed,
  url: string,
  algorithm: SigningAlgorithm = 'ES256',
): Promise<IssuerConfig> {
  return {
    issuer: url,
    jwksUri: `${url}/jwks`,
    introspectionEndpoint: `${url}/introspection`,
    caFile: await bed.write('issuer-ca.pem', bed.caPem),
    audience: 'https://payments.trustbench.test',
    algorithms: [algorithm],
    sharedSecretFile: null,
    verifier: 'jose',
    tokenCacheMs: 0,
    keySetMaxAgeMs: 600_000,
    keySetCooldownMs: 30_000,
    staleIfErrorMs: 0,
    clockToleranceSeconds: 0,
    cacheEntries: 10_000,
    clientId: 'payments-api',
    clientSecretFile: await bed.write('secret', 'a secret+with/reserved:characters'),
    introspectionCacheMs: 0,
    introspectionTimeoutMs: 2_000,
  }
}

/** A telemetry whose log lines a test can read. */
export function quietTelemetry(): { telemetry: Telemetry; lines: string[] } {
  const lines: string[] = []
  return { telemetry: createTelemetry((line) => lines.push(line)), lines }
}

/** Writes a JSON answer as oidc-provider does. */
export function answerJson(response: ServerResponse, value: object): void {
  response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(value))
}
