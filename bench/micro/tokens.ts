import { hash, KeyObject, verify as verifyByNode, type VerifyKeyObjectInput } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import type { CryptoKey, JWTVerifyGetKey } from 'jose'
import type { PublicKeyAlgorithm } from '../../servers/config.ts'
import { readBearer } from '../../servers/guards/bearer.ts'
import { createFastJwtVerifier } from '../../servers/guards/jwt-verifier-fast-jwt.ts'
import {
  createNodeVerifier,
  parseObject,
  type VerificationRules,
} from '../../servers/guards/jwt-verifiers.ts'
import { createTokenCache } from '../../servers/guards/token-cache.ts'
import { repeated, type Primitive } from './primitive.ts'

/** Everything that is done with an access token: verified by each algorithm, verifier and form of key. */
export async function tokenPrimitives(): Promise<Primitive[]> {
  const perAlgorithm = await Promise.all(algorithms.map(primitivesOf))
  const { token, keyOf } = await createToken('ES256')
  const [header = '', payload = ''] = token.split('.')
  const rawHeaders = ['host', 'localhost', 'accept', '*/*', 'authorization', `Bearer ${token}`]
  const good = {
    token: { clientId: 'a', scopes: [], orgId: 'acme', confirmation: undefined },
    expiresAtMs: Infinity,
  }
  const cache = createTokenCache({
    check: () => Promise.resolve(good),
    ttlMs: 60_000,
    telemetry: { count: () => undefined },
    hitCounter: 'tokenCacheHits',
    maxEntries: 10_000,
  })
  return [
    ...perAlgorithm.flat(),
    repeated('token: read the Authorization header', quick, () => readBearer({ rawHeaders })),
    repeated('token: parse header and claims as JSON', quick, () => [
      parseObject(header),
      parseObject(payload),
    ]),
    one('token: look up its key in the key set', () =>
      keyOf({ alg: 'ES256', kid: 'key-1' }, { payload: '', signature: '' }),
    ),
    one('token: found in the cache', () => cache(hash('sha256', token, 'base64url'), token)),
  ]
}

async function primitivesOf(alg: PublicKeyAlgorithm): Promise<Primitive[]> {
  const { token, publicKey, jwk, keyOf } = await createToken(alg)
  const { audience, issuer, algorithms: allowed, typ, requiredClaims } = rulesFor(alg)
  const options = { audience, issuer, algorithms: allowed, typ, requiredClaims }
  const [byNode, byFastJwt] = [
    createNodeVerifier(keyOf, rulesFor(alg)),
    createFastJwtVerifier(keyOf, rulesFor(alg)),
  ]
  const keyObject = KeyObject.from(publicKey)
  const pem = keyObject.export({ type: 'spki', format: 'pem' })
  const end = token.lastIndexOf('.')
  const signed = Buffer.from(token.slice(0, end))
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  const subtle = subtleParameters[alg]
  const nodeCheck = (key: KeyObject | string) =>
    verifyByNode(
      digestOf(alg),
      signed,
      { ...nodeOptions[alg], key } as VerifyKeyObjectInput,
      signature,
    )
  return [
    one(`signature ${alg}: Web Crypto`, () =>
      crypto.subtle.verify(subtle, publicKey, signature, signed),
    ),
    repeated(`signature ${alg}: node:crypto, KeyObject`, 1, () => nodeCheck(keyObject)),
    repeated(`signature ${alg}: node:crypto, PEM read each time`, 1, () => nodeCheck(pem)),
    one(`JWT ${alg}: jose, key set`, () => jwtVerify(token, keyOf, options)),
    one(`JWT ${alg}: jose, KeyObject`, () => jwtVerify(token, keyObject, options)),
    one(`JWT ${alg}: jose, JWK`, () => jwtVerify(token, jwk, options)),
    one(`JWT ${alg}: node:crypto, key set`, () => byNode(token)),
    one(`JWT ${alg}: fast-jwt, key set`, () => byFastJwt(token)),
  ]
}

async function createToken(alg: PublicKeyAlgorithm) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg, use: 'sig' }
  const keyOf: JWTVerifyGetKey = createLocalJWKSet({ keys: [jwk] })
  const rules = rulesFor(alg)
  // What the authorization server of the scenarios writes, so that lengths are the same.
  const token = await new SignJWT({
    scope: 'payments:read payments:write',
    client_id: 'acme-billing',
    org_id: 'acme',
  })
    .setProtectedHeader({ alg, typ: rules.typ, kid: 'key-1' })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setSubject('acme-billing')
    .setJti('Vx0pBW1tmq8cDyDNbpYFkZXh1CGkbAFhZVKx_bWMIKE')
    .setIssuedAt()
    .setExpirationTime('6h')
    .sign(privateKey)
  return { token, publicKey: publicKey satisfies CryptoKey, jwk, keyOf }
}

function rulesFor(alg: PublicKeyAlgorithm): VerificationRules {
  return {
    algorithms: [alg],
    typ: 'at+jwt',
    issuer: 'https://127.0.0.1:40000',
    audience: 'https://payments.trustbench.test',
    requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
    clockTolerance: 0,
  }
}

/** Slow enough to be done once, or waiting for a thread of the pool. */
function one(id: string, run: () => unknown): Primitive {
  return { id, callsPerRun: 1, run }
}

function digestOf(alg: PublicKeyAlgorithm): string | null {
  return alg === 'EdDSA' ? null : alg === 'ES384' ? 'sha384' : 'sha256'
}

const algorithms = [
  'ES256',
  'ES384',
  'RS256',
  'PS256',
  'EdDSA',
] as const satisfies readonly PublicKeyAlgorithm[]
const subtleParameters: Readonly<
  Record<PublicKeyAlgorithm, Parameters<SubtleCrypto['verify']>[0]>
> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  RS256: 'RSASSA-PKCS1-v1_5',
  PS256: { name: 'RSA-PSS', saltLength: 32 },
  EdDSA: 'Ed25519',
}
const nodeOptions: Readonly<Record<PublicKeyAlgorithm, object>> = {
  ES256: { dsaEncoding: 'ieee-p1363' },
  ES384: { dsaEncoding: 'ieee-p1363' },
  RS256: {},
  PS256: { padding: 6, saltLength: 32 },
  EdDSA: {},
}
const quick = 100
