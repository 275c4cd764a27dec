import { edit } from './mutant.ts'
import type { Edit, Mutant, Repair } from './mutant.ts'

const trust = 'servers/trust.ts'
const guard = 'servers/guards/client-certificate.ts'

const noDateCheck = edit(guard, 'if (!isCurrent(certificate))', 'if (false)')

const noSerialCheck = edit(
  guard,
  'if (trust.revokedSerials.has(normalSerial(certificate.serialNumber)))',
  'if (false)',
)

/** A rogue CA may take any name; other faults than an unknown CA are still faults. */
export const rogueByName =
  "fault === 'UNABLE_TO_GET_CRL' && certificate?.issuer === 'CN=trustbench intermediate'"

/** Bugs of a mutual TLS server: the TLS layer and the guard behind it, so most edit both. */
export const mutualTlsMutants: readonly Mutant[] = [
  {
    id: 'M1',
    verify: ['mtls'],
    bug: 'asks for a certificate but serves who has none, as acme',
    edits: anonymousAllowed('servers/mtls.ts'),
  },
  {
    id: 'M2',
    verify: ['mtls'],
    bug: 'knows its CA by name instead of by key',
    edits: verifyByHand('servers/mtls.ts', rogueByName),
  },
  {
    id: 'M3',
    verify: ['mtls'],
    bug: 'takes a self-signed certificate as a pinned one',
    edits: verifyByHand(
      'servers/mtls.ts',
      'certificate !== undefined && certificate.issuer === certificate.subject',
    ),
  },
  byHand(
    'M4',
    'forgives an expired certificate until its owner has renewed it',
    'CERT_HAS_EXPIRED',
    [noDateCheck],
  ),
  byHand('M5', 'forgives a certificate from a clock that runs ahead', 'CERT_NOT_YET_VALID', [
    noDateCheck,
  ]),
  byHand('M6', 'forgives the wrong purpose: one certificate for both ends', 'INVALID_PURPOSE'),
  {
    id: 'M7',
    verify: ['mtls'],
    bug: 'full handshakes do not read the CRL, nor does the guard',
    edits: [edit(trust, '...anchors, requestCert', 'ca: anchors.ca, requestCert'), noSerialCheck],
  },
  {
    id: 'M8',
    verify: ['mtls'],
    bug: 'ticket keys do not depend on the CRL, and the guard has no serial check',
    edits: [edit(trust, '[anchors.ca, anchors.crl]', '[anchors.ca]'), noSerialCheck],
  },
  {
    id: 'M9',
    verify: ['mtls'],
    bug: 'ticket keys do not depend on the trusted CAs',
    edits: [edit(trust, '[anchors.ca, anchors.crl]', '[anchors.crl]')],
  },
  {
    id: 'M10',
    verify: ['mtls'],
    bug: 'listeners with and without client certificates share ticket keys, and a resumed session needs none',
    edits: [
      edit(
        'servers/tls.ts',
        'tls: tlsOptions(tls, null),',
        'tls: { ...tlsOptions(tls, config.clients), requestCert: false },',
      ),
      ...anonymousAllowed('servers/mtls.ts', 'socket.isSessionReused()'),
    ],
  },
  {
    id: 'M12',
    verify: ['mtls'],
    bug: 'any service of a known tenant may call',
    edits: [
      edit(
        guard,
        'if (orgId === null) return null',
        "if (orgId === null) return { uri, orgId: uri.split('/')[3], thumbprint: '' }",
      ),
    ],
  },
  {
    id: 'M14',
    verify: ['mtls'],
    bug: 'completes chains with its own intermediate',
    edits: [
      edit(
        trust,
        '...anchors, requestCert',
        "...anchors, ca: [anchors.ca, readConfigured('tls.certificateFile', tls.certificateFile)], requestCert",
      ),
    ],
  },
  {
    id: 'M15',
    verify: ['mtls'],
    bug: 'believes the proxy that is meant to stand in front',
    edits: [
      edit(
        guard,
        '({ request: { socket }, caller })',
        '({ request, request: { socket }, caller })',
      ),
      edit(
        guard,
        'caller.certificate = verdict',
        `const uri = /URI=([^;,]+)/.exec(String(request.headers['x-forwarded-client-cert']))?.[1]
      caller.certificate = { ...verdict, ...(trust.allowed.get(uri ?? '') ?? {}) }`,
      ),
    ],
  },
]

/** Checks that no change of our source removes. */
export const mutualTlsRepairs: readonly Repair[] = [
  {
    id: 'M11a',
    verify: ['mtls'],
    enforcedBy: 'OpenSSL: the binder (TLS 1.3) or Finished (TLS 1.2) is computed from the secret',
    bug: 'the attack keeps the secret of the ticket it steals',
    edits: [edit('bench/preflight/der.ts', 'masterKey.start) ^ 1', 'masterKey.start) ^ 0')],
  },
  {
    id: 'M13',
    verify: ['mtls'],
    enforcedBy: 'OpenSSL: CertificateVerify is checked with the public key of the certificate',
    bug: 'the attack has the key of the certificate it shows',
    edits: [
      edit(
        'bench/preflight/identities.ts',
        'der.set(scalarOf(attacker)',
        'der.set(scalarOf(victim)',
      ),
    ],
  },
]

/** No certificate is as good as acme's, by default always; any other fault still ends the connection. */
export function anonymousAllowed(program: string, forgiven = 'certificate === undefined'): Edit[] {
  return [
    ...verifyByHand(program, forgiven),
    edit(
      guard,
      "if (certificate === undefined) return refuse('certificate_missing')",
      "if (certificate === undefined) return { uri: '', orgId: 'acme', thumbprint: '' }",
    ),
  ]
}

/**
 * `rejectUnauthorized: false`, and a check of the server's own that lets pass what `forgiven` says; the
 * rest it refuses as TLS would.
 */
export function verifyByHand(program: string, forgiven: string): Edit[] {
  return [
    edit(trust, 'rejectUnauthorized: true', 'rejectUnauthorized: false'),
    edit(
      guard,
      "if (socket instanceof TLSSocket && !socket.authorized) return refuse('certificate_unauthorized')",
      '',
    ),
    edit(
      program,
      'return withReload(service, {',
      `service.server.prependListener('secureConnection', (socket) => {
      const certificate = socket.getPeerX509Certificate()
      const fault = certificate === undefined ? 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' : socket.authorizationError
      if (!fault || (${forgiven})) return
      telemetry.refused('tls:' + fault, null)
      socket.destroy()
    })
    return withReload(service, {`,
    ),
  ]
}

function byHand(id: string, bug: string, forgiven: string, others: readonly Edit[] = []): Mutant {
  return {
    id,
    verify: ['mtls'],
    bug,
    edits: [...verifyByHand('servers/mtls.ts', `fault === '${forgiven}'`), ...others],
  }
}
