import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'

/** Bugs of the client that loads servers (T1 to T5), and of the servers' TLS options (T6). */
export const tlsMutants: readonly Mutant[] = [
  byHand(
    'T1',
    'verifies by hand, and takes a private CA for a good one',
    'SELF_SIGNED_CERT_IN_CHAIN',
  ),
  {
    id: 'T2',
    verify: ['tls'],
    bug: 'names are not compared, so that one certificate serves all test hosts',
    edits: [
      edit(
        'bench/load/lane.ts',
        'servername: tls.servername,',
        'servername: tls.servername, checkServerIdentity: () => undefined,',
      ),
    ],
  },
  byHand('T3', 'verifies by hand, and forgives an expired certificate', 'CERT_HAS_EXPIRED'),
  byHand('T4', 'verifies by hand, and forgives a slow clock', 'CERT_NOT_YET_VALID'),
  byHand('T5', 'verifies by hand, and forgives the wrong purpose', 'INVALID_PURPOSE'),
  {
    id: 'T6',
    verify: ['tls'],
    bug: 'serves an old client by TLS 1.1 and the ciphers it needs',
    edits: [
      edit(
        'servers/trust.ts',
        'minVersion: version,',
        "minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0',",
      ),
    ],
  },
]

/** `rejectUnauthorized: false`, and a check of one's own that lets one error pass. */
function byHand(id: string, bug: string, forgiven: string): Mutant {
  return { id, verify: ['tls'], bug, edits: verifyByHand(forgiven) }
}

function verifyByHand(forgiven: string): Edit[] {
  return [
    edit(
      'bench/load/lane.ts',
      'servername: tls.servername,',
      'servername: tls.servername, rejectUnauthorized: false,',
    ),
    edit(
      'bench/load/lane.ts',
      'on.opened,',
      `() => {
        const fault = socket.authorizationError
        if (fault && fault !== '${forgiven}') socket.destroy(new Error(fault))
        else on.opened()
      },`,
    ),
  ]
}
