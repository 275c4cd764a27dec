import type { Answer } from './attack.ts'
import type { CatalogueEntry } from './catalogue.ts'

/** How a bad credential has to be answered. */
export type Expectation =
  /** The server ends the handshake, or the connection right after it. */
  | { readonly kind: 'handshake'; readonly reasons: readonly string[] }
  | {
      readonly kind: 'response'
      readonly status: number
      /** Error code of the Bearer challenge (RFC 6750 section 3.1); null for a challenge without one, or none. */
      readonly error: string | null
      /** Reasons in the server's log, any one of which will do. */
      readonly reasons: readonly string[]
    }
  /** Our own client refuses the server. */
  | { readonly kind: 'client'; readonly reasons: readonly string[] }
  /** By design it gets in; whatever is seen is recorded. */
  | { readonly kind: 'recorded' }

/** Whose handler calls and logged reasons an attempt must move, or must not. */
export interface Counted {
  snapshot(): Promise<{
    readonly handlerCalls: number
    readonly refusals: Readonly<Record<string, number>>
  }>
}

/** One way to present a bad credential, next to the good one that differs from it in that alone. */
export interface Probe {
  /** Told where an attempt has several. */
  readonly variant?: string
  readonly expected: Expectation
  readonly counted: Counted
  /** Must be accepted. */
  readonly control: () => Promise<Answer>
  readonly bad: () => Promise<Answer>
  /** Said beside the outcome. */
  readonly note?: () => string
  /** What else went wrong, in one line; null if nothing did. */
  readonly also?: () => Promise<string | null> | string | null
}

/** All that is tried under one id. */
export interface Attempt {
  readonly id: string
  /** What it is, where the catalogue of client credentials does not say so. */
  readonly entry?: CatalogueEntry
  /** Starts what it needs; the attempts of a case prepare at the same time. */
  readonly prepare?: () => Promise<void>
  /**
   * `last`: after the others, because it breaks what they need. `aged`: the control first of all, the bad
   * credential at the very end, because it has to grow old in between.
   */
  readonly order?: 'last' | 'aged'
  readonly probes: readonly Probe[]
}

/** The server refuses the certificate. */
export function refusedHandshake(...reasons: readonly string[]): Expectation {
  return { kind: 'handshake', reasons: reasons.map((reason) => `tls:${reason}`) }
}

/** 401 `invalid_token`. */
export function invalidToken(...reasons: readonly string[]): Expectation {
  return { kind: 'response', status: 401, error: 'invalid_token', reasons }
}

/** A response whose challenge has no error code, or which has no challenge. */
export function refusedWith(status: number, ...reasons: readonly string[]): Expectation {
  return { kind: 'response', status, error: null, reasons }
}

/** 403 `insufficient_scope`. */
export const insufficientScope: Expectation = {
  kind: 'response',
  status: 403,
  error: 'insufficient_scope',
  reasons: ['insufficient_scope'],
}

/** Says in a few words what is expected. */
export function describeExpectation(expected: Expectation): string {
  switch (expected.kind) {
    case 'handshake':
      return 'handshake refused'
    case 'client':
      return 'client refuses'
    case 'recorded':
      return 'recorded'
    case 'response':
      return [expected.status, expected.error].filter((part) => part !== null).join(' ')
  }
}

/** Says in a few words what happened. */
export function describeAnswer(answer: Answer, expected: Expectation): string {
  switch (answer.kind) {
    case 'silent':
      return 'no answer'
    case 'closed':
      return expected.kind === 'client' ? 'client refuses' : 'handshake refused'
    case 'response': {
      if (answer.status < 300) return `accepted: ${answer.status}`
      return [answer.status, errorOf(answer)].filter((part) => part !== null).join(' ')
    }
  }
}

/** The error code of a challenge (RFC 6750, RFC 9449); null when there is none, or no challenge. */
export function errorOf({ challenge }: { readonly challenge: string | null }): string | null {
  return /^(?:Bearer|DPoP)\b.*\berror="([^"]*)"/.exec(challenge ?? '')?.[1] ?? null
}
