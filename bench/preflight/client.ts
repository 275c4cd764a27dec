import type { Identity } from '../../servers/pki.ts'
import type { Lab } from '../lab.ts'
import type { ClientTls } from '../load/target.ts'

/**
 * How this lab's clients judge a server and, with an identity, prove themselves: the load uses it, and
 * the refusals T1 to T6 are tried against it.
 */
export function clientTlsOptions(lab: Pick<Lab, 'rootPem'>, identity: Identity | null): ClientTls {
  return {
    ca: lab.rootPem,
    servername: 'localhost',
    minVersion: 'TLSv1.2',
    ...(identity === null ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
  }
}
