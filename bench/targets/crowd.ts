import { createPrivateKey, X509Certificate } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { clientName, namedAfter, type ClientList } from './clients.ts'
import { readIdentity, type ClientIdentity } from './credentials.ts'
import type { Tell } from './teller.ts'
import { createWitness, type Witness } from './witness.ts'

/** Distinct clients of a target, each known to be whole. */
export interface Crowd extends Pick<ClientList, 'first' | 'count'> {
  /** Null where all present the same certificate, or none. */
  readonly identities: readonly ClientIdentity[] | null
  /** Whose certificates were presented; null where they have none of their own. */
  readonly presented: Witness | null
}

/** How long work is watched, and what ends it. */
export interface Watched {
  readonly signal: AbortSignal
  readonly tell: Tell
}

/**
 * Reads the certificates and keys of all clients and sees that each key belongs to its certificate: 0.1 ms a
 * client. TLS contexts, which take longer, are made when their client first connects. Throws usage errors that
 * name the client.
 */
export async function readCrowd(list: ClientList, watched: Watched): Promise<Crowd> {
  const { first, count } = list
  if (!list.ownCertificates) return { first, count, identities: null, presented: null }
  const identities: ClientIdentity[] = []
  const fingerprints: string[] = []
  await forEachClient(list, watched, 'clients read', (index) => {
    const identity = readIdentity(list.of(index))
    if (identity === null)
      throw new BenchError('usage', '--identities names no certificate for it, as for the first')
    fingerprints.push(fingerprintOf(identity))
    identities.push(identity)
  })
  return { first, count, identities, presented: createWitness(fingerprints) }
}

/** Does something for each client in order, so that Ctrl-C is heard meanwhile; names the client that fails. */
export async function forEachClient(
  list: ClientList,
  { signal, tell }: Watched,
  what: string,
  work: (index: number) => Promise<void> | void,
): Promise<void> {
  for (let index = 0; index < list.count; index++) {
    if (index % clientsPerTurn === 0) {
      await turn()
      signal.throwIfAborted()
      tell(what, index, list.count)
    }
    try {
      await work(index)
    } catch (error) {
      throw namedAfter(clientName(list, index), error)
    }
  }
}

/** Of the certificate, whose key must be the one beside it; throws usage errors. */
function fingerprintOf({ cert, key }: ClientIdentity): string {
  const why = (text: string) =>
    new BenchError(
      'usage',
      `--cert, --key: not usable (${text}), expected PEM files that belong together`,
    )
  try {
    const certificate = new X509Certificate(cert)
    for (const above of cert.split(endOfPem).slice(1, -1)) new X509Certificate(above + endOfPem)
    if (certificate.checkPrivateKey(createPrivateKey(key))) return certificate.fingerprint256
  } catch (error) {
    throw why(error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error))
  }
  throw why('key values mismatch')
}

const clientsPerTurn = 64
const endOfPem = '-----END CERTIFICATE-----'
