import { createHash, hkdfSync } from 'node:crypto'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { SecureVersion, TlsOptions } from 'node:tls'
import type { ClientTrust, TlsConfig } from './config.ts'
import { readConfigured } from './process.ts'

/** Trust anchors and revocations of a listener that asks for client certificates. */
export type TrustedClients = Pick<ClientTrust, 'caFile' | 'crlFile'>

/**
 * TLS options of a listener; with `clients` it refuses every client without a valid certificate in the
 * handshake. Reads the files anew at each call; throws a StartError when one cannot be read.
 */
export function tlsOptions(tls: TlsConfig, clients: TrustedClients | null): TlsOptions {
  const version = secureVersions[tls.version]
  const anchors = clients === null ? null : readAnchors(clients)
  const certificate = readConfigured('tls.certificateFile', tls.certificateFile)
  return {
    cert: certificate,
    key: readConfigured('tls.keyFile', tls.keyFile),
    minVersion: version,
    maxVersion: version,
    handshakeTimeout: handshakeTimeoutMs,
    sessionTimeout: sessionTimeoutSeconds,
    ...(anchors === null ? {} : { ...anchors, requestCert: true, rejectUnauthorized: true }),
    ...deriveTickets(
      readConfigured('tls.ticketSecretFile', tls.ticketSecretFile),
      tls.pinnedTicketKeys ? pinned(anchors !== null) : { certificate, anchors },
    ),
  }
}

/**
 * Takes over changed trust, and a changed certificate, for new handshakes: neither old tickets nor old
 * anchors survive it. Connections that are open stay as they are.
 */
export function reloadTrust(server: Server, options: TlsOptions): void {
  if (!(server instanceof TlsServer)) throw new Error('trust reloaded on a server without TLS')
  // Takes `ticketKeys` and `sessionIdContext` from the options too.
  server.setSecureContext(options)
}

/**
 * Session ticket keys and session id context as a function of what a full handshake checks: a ticket from
 * a listener with other anchors, other revocations, or without client authentication does not decrypt
 * here, so a resumption never skips a check that this listener makes (CVE-2025-23419). Nor does one from
 * before the listener's own certificate changed: a client that resumes would not see the new one, and a
 * certificate is replaced because its key is no longer trusted, among other reasons.
 */
export function deriveTickets(
  secret: Buffer,
  {
    certificate,
    anchors,
  }: {
    readonly certificate: Buffer
    readonly anchors: { readonly ca: Buffer; readonly crl: Buffer } | null
  },
): { ticketKeys: Buffer; sessionIdContext: string } {
  const trust = createHash('sha256')
  // Without client authentication: the certificate alone.
  for (const part of [certificate, ...(anchors === null ? [] : [anchors.ca, anchors.crl])]) {
    // Each part by its own digest: bytes cannot move from one to the next unseen.
    trust.update(createHash('sha256').update(part).digest())
  }
  const salt = trust.digest()
  return {
    ticketKeys: Buffer.from(hkdfSync('sha256', secret, salt, 'trustbench ticket keys', 48)),
    // OpenSSL takes at most 32 bytes of it: 16 in hexadecimal.
    sessionIdContext: Buffer.from(
      hkdfSync('sha256', secret, salt, 'trustbench session id context', 16),
    ).toString('hex'),
  }
}

/** Trust that never changes; listeners with and without client authentication stay apart (M10). */
function pinned(isMutual: boolean): Parameters<typeof deriveTickets>[1] {
  const nothing = Buffer.alloc(0)
  return { certificate: nothing, anchors: isMutual ? { ca: nothing, crl: nothing } : null }
}

function readAnchors({ caFile, crlFile }: TrustedClients): { ca: Buffer; crl: Buffer } {
  return {
    ca: readConfigured('clients.caFile', caFile),
    crl: readConfigured('clients.crlFile', crlFile),
  }
}

const secureVersions = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const satisfies Record<
  TlsConfig['version'],
  SecureVersion
>
const handshakeTimeoutMs = 10_000
/** Node's default, spelled out: how long a stolen ticket is worth something. */
const sessionTimeoutSeconds = 300
