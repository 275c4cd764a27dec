import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { Exchange, Refusal } from './guards/guard.ts'

/** What became of one request, and whose it was. */
export interface AuditEntry {
  /** Tenant of the credential; null where there was none that is good. */
  readonly partner: string | null
  /** OAuth client, or URI of the certificate. */
  readonly client: string | null
  readonly method: string
  /** Without its query, which may hold a token. */
  readonly path: string
  readonly decision: 'allowed' | 'refused'
  readonly status: number
  /** Why it was refused; null where it was not. */
  readonly reason: string | null
}

/** An audit trail: one line of JSON a request, in the order in which answers end. */
export interface AuditTrail {
  readonly write: (entry: AuditEntry) => void
  /** Waits until all lines are in the file. */
  readonly close: () => Promise<void>
}

/** Opens a trail at the end of a file of mode 0600; a line that cannot be written ends the process. */
export function openAuditTrail(file: string, now: () => Date = () => new Date()): AuditTrail {
  // The stream gathers what comes while it writes: no request waits for the disk.
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  return {
    write(entry) {
      stream.write(`${JSON.stringify({ time: now().toISOString(), ...entry })}\n`)
    },
    async close() {
      stream.end()
      await finished(stream)
    },
  }
}

/** The entry of a request: nothing of its credential but whose it is. */
export function auditEntry(
  { request, caller: { certificate, token } }: Exchange,
  refusal: Pick<Refusal, 'reason'> | null,
  status: number,
): AuditEntry {
  return {
    partner: token?.orgId ?? certificate?.orgId ?? null,
    client: token?.clientId ?? certificate?.uri ?? null,
    method: request.method ?? '',
    path: (request.url ?? '').split('?', 1)[0] ?? '',
    decision: refusal === null ? 'allowed' : 'refused',
    status,
    reason: refusal?.reason ?? null,
  }
}
