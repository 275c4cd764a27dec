import type { Endpoint } from '../load/target.ts'
import type { Preflight, Refusal, Warning } from '../results.ts'
import { unmeasurable } from './faults.ts'
import { probe, ProbeFailure, type ProbeAnswer } from './probe.ts'
import { withToken, type UserTarget } from './target.ts'
import type { TokenSource } from './tokens.ts'

/** What is known of a target before it is loaded. */
export interface Checked {
  readonly answer: ProbeAnswer
  readonly preflight: Preflight
  readonly warnings: readonly Warning[]
}

/** How long each request may take, and what ends them all. */
export interface Limits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * One request with the credentials, which must be answered as expected; and, where there are any, one without
 * each, of which is only recorded what came: it is the user's server, and may mean to let everybody in.
 * Throws `preflight-failed` with one line.
 */
export async function preflightTarget(
  target: UserTarget,
  tokens: TokenSource | null,
  limits: Limits,
): Promise<Checked> {
  const answer = await askTarget(target, tokens, limits)
  const refusals: Refusal[] = []
  for (const lack of lacksOf(target, tokens)) refusals.push(await recordLack(target, lack, limits))
  const accepted = refusals.filter(({ outcome }) => isExpected(target.endpoint, Number(outcome)))
  return {
    answer,
    preflight: {
      controlsPassed: 1,
      tried: refusals.length,
      refused: refusals.length - accepted.length,
      recorded: accepted.length,
      handlerCalls: 0,
      refusals,
    },
    warnings: accepted.map((refusal) => uncheckedWarning(target, refusal)),
  }
}

/** One request with all credentials, which must be answered as expected. Throws `preflight-failed` with one line. */
export async function askTarget(
  target: UserTarget,
  tokens: TokenSource | null,
  limits: Limits,
): Promise<ProbeAnswer> {
  const answer = await probeNamed(target.label, withToken(target, tokens), limits)
  const wrong = wrongness(target, answer)
  if (wrong !== null) throw unmeasurable(target.label, wrong)
  return answer
}

async function probeNamed(
  label: string,
  endpoint: Endpoint,
  { timeoutMs, signal }: Limits,
): Promise<ProbeAnswer> {
  try {
    return await probe(endpoint, timeoutMs, signal)
  } catch (error) {
    if (error instanceof ProbeFailure) throw unmeasurable(label, error.message, error)
    throw error
  }
}

/** What is wrong with an answer; null when nothing is. */
function wrongness({ endpoint }: UserTarget, answer: ProbeAnswer): string | null {
  const { status, location, httpVersion, isFramed, bodySha256, bodyBytes } = answer
  const { expect } = endpoint
  if (!isExpected(endpoint, status)) {
    const wanted = [expect.status, ...(expect.otherStatuses ?? [])].join(' or ')
    const told = `answers ${status} where ${wanted} is expected`
    if (status >= 300 && status < 400 && location !== null)
      return `${told}: it redirects to ${location}, which is not followed; give that as --target`
    if (status === 401 || status === 403) return `${told}: the credentials are not good enough`
    return `${told}; --expect-status says what is right`
  }
  if (httpVersion !== '1.1')
    return `answers in HTTP/${httpVersion}, whose connections are not kept; HTTP/1.1 is what is measured`
  if (!isFramed)
    return 'answers with neither Content-Length nor chunked coding: such a connection cannot be used again'
  if (expect.bodySha256 !== undefined && bodySha256 !== expect.bodySha256)
    return `answers with another body than --expect-body-digest says: ${bodyBytes} bytes of SHA-256 ${bodySha256}`
  return null
}

function isExpected({ expect }: Endpoint, status: number): boolean {
  return status === expect.status || expect.otherStatuses?.includes(status) === true
}

/** A request without one of its credentials. */
interface Lack {
  readonly id: 'no-token' | 'no-certificate'
  readonly what: string
  readonly endpoint: Endpoint
}

function lacksOf(target: UserTarget, tokens: TokenSource | null): Lack[] {
  const { endpoint } = target
  const lacks: Lack[] = []
  if (tokens !== null) lacks.push({ id: 'no-token', what: 'the token', endpoint })
  if (target.hasCertificate && endpoint.tls !== null) {
    const { cert: _, key: __, ...tls } = endpoint.tls
    const without = withToken({ ...target, endpoint: { ...endpoint, tls } }, tokens)
    lacks.push({ id: 'no-certificate', what: 'the client certificate', endpoint: without })
  }
  return lacks
}

async function recordLack(
  target: UserTarget,
  lack: Lack,
  { timeoutMs, signal }: Limits,
): Promise<Refusal> {
  const outcome = await probe(lack.endpoint, timeoutMs, signal).then(
    ({ status }) => String(status),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  return {
    id: lack.id,
    kind: 'record',
    sameAs: [],
    describe: `the same request without ${lack.what}`,
    expected: 'to be refused',
    outcome,
    passed: true,
    handlerCalls: 0,
    reasons: isExpected(target.endpoint, Number(outcome)) ? [] : [outcome],
  }
}

function uncheckedWarning({ label }: UserTarget, { id, outcome }: Refusal): Warning {
  const what = id === 'no-token' ? 'token' : 'client certificate'
  return {
    code: 'unchecked-credential',
    message: `${label} answers ${outcome} without the ${what}: is it checked at all?`,
    advice: `if it is meant to be, mend that first: what it costs to check a ${what} is not in these figures`,
  }
}
