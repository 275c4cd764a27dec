import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { importJWK, type CryptoKey, type JWK } from 'jose'
import { BenchError } from '../errors.ts'
import type { ClientTls } from '../load/target.ts'
import type { RequestSettings, SecretRef } from './settings.ts'
import { serverNameOf } from './url.ts'

/** A certificate chain and its key, both PEM. */
export interface ClientIdentity {
  readonly cert: string
  readonly key: string
}

/** A private key that signs client assertions. */
export interface AssertionKey {
  readonly key: CryptoKey
  readonly kid: string | null
}

/** Reads a file that an option names; throws usage errors. */
export function readNamedFile(option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new BenchError('usage', `${option} ${path}: cannot be read (${why})`, { cause: error })
  }
}

/** The secret behind a reference, without the line feed that editors add; throws usage errors. */
export function readSecret(
  option: string,
  ref: SecretRef,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const name = ref.kind === 'file' ? ref.path : ref.name
  const text =
    ref.kind === 'file'
      ? readNamedFile(option, ref.path).toString('utf8')
      : (environment[ref.name] ?? null)
  if (text === null)
    throw new BenchError('usage', `${option}: the environment has no variable ${name}`)
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new BenchError('usage', `${option}: ${name} is empty`)
  return secret
}

/** The client certificate of the settings; null without. Throws usage errors. */
export function readIdentity({ cert, key }: RequestSettings): ClientIdentity | null {
  if (cert === undefined && key === undefined) return null
  if (cert === undefined || key === undefined) {
    const [given, missing] = cert === undefined ? ['--key', '--cert'] : ['--cert', '--key']
    throw new BenchError('usage', `${given} needs ${missing}: a client certificate and its key`)
  }
  return {
    cert: readNamedFile('--cert', cert).toString('latin1'),
    key: readNamedFile('--key', key).toString('latin1'),
  }
}

/** TLS of a client that offers HTTP/1.1 alone; null anchors are the system's. Throws usage errors. */
export function clientTls(
  host: string,
  {
    identity,
    anchors,
    names,
  }: {
    readonly identity: ClientIdentity | null
    readonly anchors: string | null
    /** Of the options, for messages. */
    readonly names: string
  },
): ClientTls {
  const tls: ClientTls = {
    servername: serverNameOf(host),
    alpn: ['http/1.1'],
    ...(anchors === null ? {} : { ca: anchors }),
    ...(identity ?? {}),
  }
  try {
    createSecureContext(tls)
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error)
    throw new BenchError(
      'usage',
      `${names}: not usable (${why}), expected PEM files that belong together`,
    )
  }
  return tls
}

/** A private key as JWK, or as PEM without a password; throws usage errors that repeat nothing of it. */
export async function readAssertionKey(ref: SecretRef): Promise<AssertionKey> {
  const text = readSecret('--client-key-file', ref)
  try {
    const jwk = text.trimStart().startsWith('{') ? jwkOf(text) : jwkOfPem(text)
    if (jwk.d === undefined) throw new Error('it is a public key')
    const key = await importJWK(jwk, jwk.alg ?? algorithmOf(jwk))
    if (key instanceof Uint8Array) throw new Error('it is symmetric')
    return { key, kid: jwk.kid ?? null }
  } catch (error) {
    throw new BenchError(
      'usage',
      '--client-key-file: not a private key, expected a JWK or PEM of an RSA, EC or Ed25519 key without a password',
      { cause: error },
    )
  }
}

function jwkOf(text: string): JWK {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('kty' in value))
    throw new Error('it is no JWK')
  return { ...value, kty: String(value.kty) }
}

function jwkOfPem(text: string): JWK {
  const { kty = '', ...jwk } = createPrivateKey(text).export({ format: 'jwk' })
  return { ...jwk, kty }
}

/** The algorithm that authorization servers most likely take for a key (RFC 7518 section 3.1, RFC 8037). */
function algorithmOf({ kty, crv }: JWK): string {
  if (kty === 'RSA') return 'RS256'
  return { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[crv ?? ''] ?? 'EdDSA'
}
