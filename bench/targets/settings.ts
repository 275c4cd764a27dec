/** A secret by reference: a file that holds it, or a variable of the environment. Never the secret itself. */
export type SecretRef =
  { readonly kind: 'file'; readonly path: string } | { readonly kind: 'env'; readonly name: string }

/** A header of every request; its value as it is, or by reference. */
export interface HeaderSetting {
  readonly name: string
  readonly value: string | SecretRef
}

/** Whether a header is one whose value is a secret, so that it belongs neither on a command line nor into a file of others. */
export function holdsSecret(header: string): boolean {
  return /^(proxy-)?authorization$|^cookie$|token|secret|api-?key|password/i.test(header)
}

/** How a client proves who it is at the token endpoint, by the names of the OAuth registry. */
export type ClientAuthMethod =
  'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'tls_client_auth'

/** All of them. */
export const clientAuthMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
] as const

/** What is sent to a target and expected of it, as the user said it: paths, not their content. */
export interface RequestSettings {
  /** PEM files: client certificate with its chain, its key, and the anchors that the target is judged by. */
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
  /** Distinct clients; `{client}` in what differs between them is the number of each. */
  readonly clients?: number
  /** Number of the first; default: 0. */
  readonly firstClient?: number
  /** File of one JSON object a line that says what differs between them. */
  readonly identities?: string
  readonly tokenUrl?: string
  readonly issuer?: string
  /** PEM file of anchors for the issuer; default: those of the target. */
  readonly issuerCa?: string
  readonly clientId?: string
  readonly clientAuth?: ClientAuthMethod
  readonly clientSecret?: SecretRef
  /** Private key as JWK or PEM, for private_key_jwt (RFC 7523). */
  readonly clientKey?: SecretRef
  readonly scope?: string
  readonly resource?: string
  readonly audience?: string
  /** A token that does not change. */
  readonly token?: SecretRef
  readonly headers?: readonly HeaderSetting[]
  readonly method?: string
  readonly bodyFile?: string
  readonly expectStatus?: readonly number[]
  readonly expectBodyDigest?: string
  readonly cpuPid?: readonly number[]
  readonly prometheus?: string
  readonly prometheusQuery?: string
}

/** One target, as the user said it. */
export interface TargetSettings extends RequestSettings {
  readonly url: string
  /** Default: host and path. */
  readonly name?: string
}
