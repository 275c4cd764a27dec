import { hash } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ClientTrust, SanPolicy } from '../config.ts'
import { revokedSerials } from '../crl-serials.ts'
import { readConfigured } from '../process.ts'
import type { ClientIdentity, Guard, Refusal } from './guard.ts'
import { parseWorkload } from './san-authorization.ts'

/** The guard of a mutual TLS listener, and how it learns of changed trust. */
export interface ClientCertificateGuard {
  readonly guard: Guard
  /** `recheck`: connections that are open are judged anew at their next request, too. */
  readonly reload: (clients: ClientTrust, recheck?: boolean) => void
}

/**
 * Checks the peer certificate once per connection, after and beside the handshake: a resumed session
 * repeats none of its checks, and `authorized` alone has been true without any certificate.
 * Forwarded-certificate headers are never read: nothing in front of this server is trusted.
 */
export function createClientCertificateGuard(clients: ClientTrust): ClientCertificateGuard {
  // The verdict stays with its connection, as in the handshake itself: a reload binds new connections,
  // unless it says otherwise.
  let verdicts = new WeakMap<Socket, ClientIdentity | Refusal>()
  let trust = readTrust(clients)
  return {
    guard: ({ request: { socket }, caller }) => {
      let verdict = verdicts.get(socket)
      if (verdict === undefined) {
        verdict = identify(socket, trust)
        verdicts.set(socket, verdict)
      }
      if ('reason' in verdict) return verdict
      caller.certificate = verdict
      return null
    },
    reload: (changed, recheck = false) => {
      trust = readTrust(changed)
      if (recheck) verdicts = new WeakMap()
    },
  }
}

/**
 * The URI entries of a `subjectAltName` as Node prints it. Node quotes values that could be taken for
 * several entries (CVE-2021-44532): those are unquoted, and text that does not parse yields no URI.
 */
export function uriNames(subjectAltName: string): string[] {
  const uris: string[] = []
  let end = 0
  for (const entry of subjectAltName.matchAll(altNameEntry)) {
    const [text, kind, value = ''] = entry
    end += text.length
    if (kind === 'URI') uris.push(value.startsWith('"') ? unquote(value) : value)
  }
  return end === subjectAltName.length ? uris : []
}

interface Trust {
  readonly revokedSerials: ReadonlySet<string>
  readonly allowed: ReadonlyMap<string, { readonly orgId: string }>
  readonly bySan: SanPolicy | null
}

function identify(socket: Socket, trust: Trust): ClientIdentity | Refusal {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  if (certificate === undefined) return refuse('certificate_missing')
  if (socket instanceof TLSSocket && !socket.authorized) return refuse('certificate_unauthorized')
  if (trust.revokedSerials.has(normalSerial(certificate.serialNumber)))
    return refuse('certificate_revoked')
  if (!isCurrent(certificate)) return refuse('certificate_expired')
  return identityOf(certificate, trust) ?? refuse('identity_not_allowed')
}

/** The full handshake looked at the dates; a resumed session may have outlived them. */
function isCurrent({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now()
  return validFromDate.getTime() <= now && now < validToDate.getTime()
}

function identityOf(certificate: X509Certificate, trust: Trust): ClientIdentity | null {
  const [uri, ...others] = uriNames(certificate.subjectAltName ?? '')
  // A workload certificate names one workload (SPIFFE X.509-SVID section 2).
  if (uri === undefined || others.length > 0) return null
  const orgId = tenantOf(uri, trust)
  if (orgId === null) return null
  const thumbprint = hash('sha256', certificate.raw, 'base64url')
  return { uri, orgId, thumbprint }
}

function tenantOf(uri: string, { allowed, bySan }: Trust): string | null {
  if (bySan !== null) return parseWorkload(uri, bySan)?.tenant ?? null
  return allowed.get(uri)?.orgId ?? null
}

function readTrust({ crlFile, allowed, bySan }: ClientTrust): Trust {
  const pem = readConfigured('clients.crlFile', crlFile).toString('latin1')
  // Serials of all issuers in one set: a serial that two CAs share is refused once too often, never too seldom.
  const serials = [...pem.matchAll(pemCrl)].flatMap(([, base64 = '']) =>
    revokedSerials(Buffer.from(base64, 'base64')).map(normalSerial),
  )
  return { revokedSerials: new Set(serials), allowed: new Map(Object.entries(allowed)), bySan }
}

/** One spelling for the serial number of OpenSSL (upper case, whole bytes) and of DER (sign bytes). */
function normalSerial(hexadecimal: string): string {
  return hexadecimal.toUpperCase().replace(/^0+(?=.)/, '')
}

function unquote(value: string): string {
  const text: unknown = JSON.parse(value)
  return typeof text === 'string' ? text : ''
}

function refuse(reason: string): Refusal {
  return { status: 403, reason }
}

const pemCrl = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g
/** One `kind:value` with its separator, right behind the last; a bare value has no quote and no comma. */
const altNameEntry = /(?:^|(?<=.), )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?=, |$)/gsy
