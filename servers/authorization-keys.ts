import { createPrivateKey } from 'node:crypto'
import type { KeyObject, webcrypto } from 'node:crypto'
import type { AuthorizationConfig, PublicKeyAlgorithm } from './config.ts'
import { readConfigured, StartError } from './process.ts'

/** A JWK set (RFC 7517 section 5). */
export interface JwkSet {
  readonly keys: webcrypto.JsonWebKey[]
}

/**
 * Reads the private keys that sign access tokens, all of which are published; throws a StartError where
 * one is no private key or none fits the algorithm.
 */
export function readSigningKeys({ signingJwksFile, algorithm }: AuthorizationConfig): JwkSet {
  const jwks = readJwks('signingJwksFile', signingJwksFile)
  const types = jwks.keys.map((key, index) => {
    try {
      return keyTypeOf(createPrivateKey({ key, format: 'jwk' }))
    } catch {
      // Without the cause: it holds the key.
      throw new StartError(
        `signingJwksFile ${signingJwksFile}: key ${index} is no private key: generate it again`,
      )
    }
  })
  // Tokens are signed by the secret; the published keys are for whoever asks in vain.
  if (algorithm === 'HS256') return jwks
  const signs = ({ alg = algorithm, use = 'sig' }: webcrypto.JsonWebKey, index: number): boolean =>
    types[index] === keyTypes[algorithm] && alg === algorithm && use === 'sig'
  if (jwks.keys.some(signs)) return jwks
  throw new StartError(
    `signingJwksFile ${signingJwksFile} has no key for ${algorithm}: add one or set another algorithm`,
  )
}

function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  return `${asymmetricKeyType ?? ''} ${asymmetricKeyDetails?.namedCurve ?? ''}`.trim()
}

/** Reads a file with a JWK set; throws a StartError that names the setting. */
export function readJwks(setting: string, file: string): JwkSet {
  const text = readConfigured(setting, file).toString('utf8')
  const value = parseJson(text)
  if (!isJwks(value)) {
    throw new StartError(`${setting} ${file} is no JWK set: write {"keys":[...]} (RFC 7517)`)
  }
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Without the cause: the parser's message quotes the text, which here is a key.
    return undefined
  }
}

function isJwks(value: unknown): value is JwkSet {
  return (
    typeof value === 'object' &&
    value !== null &&
    'keys' in value &&
    Array.isArray(value.keys) &&
    value.keys.length > 0
  )
}

/** Node's names of the keys that an algorithm signs with. */
const keyTypes: Readonly<Record<PublicKeyAlgorithm, string>> = {
  ES256: 'ec prime256v1',
  ES384: 'ec secp384r1',
  RS256: 'rsa',
  PS256: 'rsa',
  EdDSA: 'ed25519',
}
