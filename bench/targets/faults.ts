import { BenchError } from '../errors.ts'

/** What a failed connection or answer means, in the words of who has to mend it; null = not known. */
export function faultOf(error: unknown): string | null {
  const { code, message } = codeOf(error)
  const alert = /alert number (\d+)/.exec(message)?.[1]
  const byAlert = alert === undefined ? undefined : alerts[alert]
  if (byAlert !== undefined) return byAlert
  // Of a load only the words are left.
  const named = /\b(E[A-Z]{4,}|ERR_[A-Z\d_]+)\b/.exec(message)?.[1] ?? ''
  return (
    faults[code] ??
    faults[named] ??
    bySentence.find(([pattern]) => pattern.test(message))?.[1] ??
    null
  )
}

/** The same, or else what the error says itself. */
export function describeFault(error: unknown): string {
  return faultOf(error) ?? oneLine(error instanceof Error ? error.message : String(error))
}

/** A failure of a target that keeps it from being measured, with exit code 3. */
export function unmeasurable(label: string, why: string, cause?: unknown): BenchError {
  return new BenchError('preflight-failed', `${label}: ${why}`, { cause })
}

/** The code of an error, or of the one that caused it: `fetch failed` says nothing by itself. */
function codeOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) }
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause
  const own = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (inner instanceof Error && (own === '' || !(own in faults))) {
    const deeper = codeOf(inner)
    if (deeper.code !== '') return deeper
  }
  return { code: own, message: error.message }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

const otherCa =
  'presents a certificate that none of the trusted authorities vouches for; --ca says which to trust'
const resets = 'closes the connection without an answer'
const plainPort = 'speaks plain HTTP on that port, not TLS; give --target http://…'
const onlyHttp2 = 'speaks HTTP/2 only; HTTP/1.1 is what is measured'

const faults: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host is unknown',
  EAI_AGAIN: 'the host could not be looked up; is there a name server?',
  ECONNREFUSED: 'nothing listens there: the connection was refused',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  ETIMEDOUT: 'no connection came about in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
  ECONNRESET: resets,
  EPIPE: resets,
  UND_ERR_SOCKET: resets,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherCa,
  UNABLE_TO_GET_ISSUER_CERT: otherCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherCa,
  SELF_SIGNED_CERT_IN_CHAIN: otherCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: otherCa,
  CERT_SIGNATURE_FAILURE: otherCa,
  CERT_HAS_EXPIRED: 'presents a certificate that has expired',
  CERT_NOT_YET_VALID: 'presents a certificate that is not yet valid',
  INVALID_PURPOSE: 'presents a certificate that is not one for servers',
  ERR_TLS_CERT_ALTNAME_INVALID: 'presents a certificate for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: plainPort,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plainPort,
  ERR_SSL_HTTP_REQUEST: plainPort,
  ERR_SSL_NO_APPLICATION_PROTOCOL: onlyHttp2,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: onlyHttp2,
  HPE_HEADER_OVERFLOW: 'answers with more than 16 KiB of header fields',
}

/** TLS alerts by number (RFC 8446 section 6), as a server sends them about its client. */
const alerts: Readonly<Record<string, string>> = {
  40: 'refuses the TLS handshake: there is no version, cipher or certificate in common',
  42: 'refuses the client certificate: it is bad',
  43: 'refuses the client certificate: its kind is not supported',
  44: 'refuses the client certificate: it is revoked',
  45: 'refuses the client certificate: it has expired',
  46: 'refuses the client certificate',
  48: 'refuses the client certificate: it does not know the authority',
  49: 'refuses the client certificate: access denied',
  70: 'refuses the TLS version',
  112: 'does not know the host name that it is asked for',
  116: 'wants a client certificate; give --cert and --key',
  120: onlyHttp2,
}

const bySentence: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long|http request/i, plainPort],
  [/no application protocol/i, onlyHttp2],
  [/socket hang up|other side closed|closed the connection/i, resets],
]
