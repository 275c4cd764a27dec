import { BenchError } from '../errors.ts'
import { readIdentities, type IdentityLine } from './identities-file.ts'
import { hasPlaceholder, perClient, settingsOfClient } from './placeholders.ts'
import type { RequestSettings } from './settings.ts'

/** Distinct clients of one target, in the order of their numbers. */
export interface ClientList {
  /** Number of the first. */
  readonly first: number
  readonly count: number
  /** Whether each has a certificate of its own. */
  readonly ownCertificates: boolean
  /** Whether each has a token of its own, where there are tokens. */
  readonly ownTokens: boolean
  /** What one is asked with, by its place from 0; throws usage errors. */
  of(index: number): RequestSettings
}

/** The clients that the settings name; null where it is one, and has no number. Throws usage errors. */
export function clientsOf(settings: RequestSettings): ClientList | null {
  const { identities, clients, firstClient = 0 } = settings
  const differing = perClient(settings).filter(([, text]) => hasPlaceholder(text))
  if (identities !== undefined) return listed(settings, identities)
  if (clients === undefined) {
    const [placeholder] = differing
    if (placeholder !== undefined)
      throw new BenchError('usage', `${placeholder.join(' ')}: of which clients? Give --clients`)
    if (settings.firstClient !== undefined)
      throw new BenchError(
        'usage',
        `--first-client ${firstClient}: needs --clients or --identities`,
      )
    return null
  }
  if (differing.length === 0) {
    throw new BenchError(
      'usage',
      `--clients ${clients}: nothing tells them apart, put {client} into --cert and --key, --client-id or --token-file`,
    )
  }
  const differ = (...options: string[]) => differing.some(([option]) => options.includes(option))
  return {
    first: firstClient,
    count: clients,
    ownCertificates: differ('--cert', '--key'),
    // One that is fetched may be bound to the certificate, so that each client fetches its own.
    ownTokens: settings.token === undefined || differ('--token-file'),
    of: (index) => settingsOfClient(settings, firstClient + index),
  }
}

/** What a client is called in messages. */
export function clientName({ first }: Pick<ClientList, 'first'>, index: number): string {
  return `client ${first + index}`
}

/** Puts the client before the message of an error: one file of thousands is hard to find without. */
export function namedAfter(client: string, error: unknown): unknown {
  if (!(error instanceof BenchError)) return error
  return new BenchError(error.code, `${client}: ${error.message}`, { cause: error })
}

function listed(settings: RequestSettings, file: string): ClientList {
  const { firstClient: first = 0, clients } = settings
  const lines = readIdentities(file)
  const count = clients ?? Math.max(1, lines.length - first)
  if (first + count > lines.length) {
    throw new BenchError(
      'usage',
      `--identities ${file}: client ${lines.length} is not in it, it has ${lines.length} lines and the last wanted is client ${first + count - 1}`,
    )
  }
  const names = (key: keyof IdentityLine) => lines[first]?.[key] !== undefined
  return {
    first,
    count,
    ownCertificates: names('cert'),
    ownTokens: names('token') || settings.token === undefined,
    of: (index) => ({ ...settingsOfClient(settings, first + index), ...lines[first + index] }),
  }
}
