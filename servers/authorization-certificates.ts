import type { X509Certificate } from 'node:crypto'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** The client certificates of a listener on which they are optional. */
export interface ClientCertificates {
  /**
   * The certificate of a connection, or undefined unless chain, revocation and dates are good: an invalid
   * certificate counts as none, so it neither authenticates a client nor binds a token.
   */
  readonly of: (socket: Socket) => X509Certificate | undefined
  /** Distrusts every connection made so far: it was checked against lists that are no longer current. */
  readonly forget: () => void
}

/** Watches a listener; to be called before it listens. */
export function createClientCertificates(server: Server): ClientCertificates {
  let trust = {}
  /** By peer address: a handshake is checked against the trust of when its connection was accepted. */
  const acceptedUnder = new Map<string, object>()
  const verifiedUnder = new WeakMap<Socket, object>()
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    acceptedUnder.set(peer, trust)
    socket.once('close', () => acceptedUnder.delete(peer))
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    const accepted = acceptedUnder.get(peerOf(socket))
    if (socket.authorized && accepted !== undefined) verifiedUnder.set(socket, accepted)
  })
  return {
    of: (socket) => {
      // `authorized` alone is no proof: a resumed session may have it and yet carry no certificate.
      if (!(socket instanceof TLSSocket) || verifiedUnder.get(socket) !== trust) return undefined
      const certificate = socket.getPeerX509Certificate()
      return certificate !== undefined && isCurrent(certificate) ? certificate : undefined
    },
    forget: () => {
      trust = {}
    },
  }
}

/** Whether a certificate has this URI as a subject alternative name, byte by byte (RFC 8705 section 2.1.2). */
export function hasUriName(
  { subjectAltName }: Pick<X509Certificate, 'subjectAltName'>,
  uri: string,
): boolean {
  // Node quotes a name that holds a comma (CVE-2021-44532): `DNS:"x, URI:y"` is one name and no URI.
  const names = subjectAltName?.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? []
  // One space separates names; any further one belongs to the name.
  return names.some((name) => name.replace(/^ /, '') === `URI:${uri}`)
}

/** The handshake checked the dates as of then; the connection or its session may have outlived them. */
function isCurrent({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now()
  return validFromDate.getTime() <= now && now <= validToDate.getTime()
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
