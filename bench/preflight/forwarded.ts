import { X509Certificate } from 'node:crypto'
import type { Identity } from '../../servers/pki.ts'

/** The headers in which proxies tell servers of a client's certificate, each claiming this one. */
export function forwardedCertificate({
  certificatePem,
}: Pick<Identity, 'certificatePem'>): [name: string, value: string][] {
  const certificate = new X509Certificate(certificatePem)
  const der = certificate.raw.toString('base64')
  const uri = (certificate.subjectAltName ?? '').replace(/^URI:/, '')
  const digest = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  const escaped = encodeURIComponent(certificatePem)
  return [
    // Envoy.
    [
      'x-forwarded-client-cert',
      `By=spiffe://trustbench.test/edge;Hash=${digest};Cert="${escaped}";URI=${uri}`,
    ],
    // RFC 9440.
    ['client-cert', `:${der}:`],
    // nginx and HAProxy by convention.
    ['x-ssl-client-cert', escaped],
    ['x-client-cert', der],
  ]
}
