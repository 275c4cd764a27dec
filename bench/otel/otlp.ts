import { setTimeout as sleep } from 'node:timers/promises'
import { diag, DiagLogLevel } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'

/** What became of exports. */
export interface OtlpState {
  readonly exports: number
  readonly failures: number
  /** Why the last one failed; null where it did not. */
  readonly failure: string | null
}

/** One receiver of OTLP. */
export interface OtlpSender {
  /** Sends, and has an outcome after the timeout at the latest; leaves out what `isLast` would not. */
  readonly send: (
    metrics: ResourceMetrics,
    how: { readonly timeoutMs: number; readonly isLast: boolean },
  ) => Promise<void>
  readonly state: () => OtlpState
}

/**
 * Sends to one endpoint. After a failure exports are left out, one, then two, then four: counts are
 * cumulative, so that the next success tells them all, and a receiver that is gone must not hold up
 * every block.
 */
export function createOtlpSender(url: string): OtlpSender {
  const deliver = createDelivery(url)
  let state: OtlpState = { exports: 0, failures: 0, failure: null }
  let toSkip = 0
  let pause = 1
  return {
    async send(metrics, { timeoutMs, isLast }) {
      if (toSkip > 0 && !isLast) {
        toSkip -= 1
        return
      }
      const failure = await deliver(metrics, timeoutMs)
      state = {
        exports: state.exports + 1,
        failures: state.failures + (failure === null ? 0 : 1),
        failure,
      }
      toSkip = failure === null ? 0 : pause
      pause = failure === null ? 1 : Math.min(mostSkipped, pause * 2)
    },
    state: () => state,
  }
}

/** One attempt; what it resolves to is why it failed, or null. */
function createDelivery(
  url: string,
): (metrics: ResourceMetrics, timeoutMs: number) => Promise<string | null> {
  // Time for one more try of the SDK's own, which comes a second after the first.
  const exporter = new OTLPMetricExporter({ url, timeoutMillis: attemptMs })
  let rejected: string | null = null
  diag.setLogger(
    {
      ...silent,
      // The only place where the SDK tells of a receiver that took a part of it.
      warn(message, ...details) {
        if (message.startsWith('Received Partial Success')) rejected = details.join(' ')
      },
    },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  return async (metrics, timeoutMs) => {
    rejected = null
    const sent = new Promise<string | null>((resolve) => {
      exporter.export(metrics, ({ error }) => {
        if (error !== undefined) resolve(reasonOf(error))
        else resolve(rejected === null ? null : oneLine(`it took a part only: ${rejected}`))
      })
    })
    const waiting = new AbortController()
    const late = sleep(timeoutMs, `no answer after ${timeoutMs} ms`, { signal: waiting.signal })
    late.catch(() => undefined)
    const failure = await Promise.race([sent, late])
    waiting.abort()
    return failure
  }
}

function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  const code = 'code' in cause ? cause.code : undefined
  const text = oneLine(cause.message)
  // Of an answer the SDK keeps the status as its code; where two addresses refuse, there is only a code.
  return typeof code === 'number'
    ? `it answers ${code} ${text}`.trim()
    : text || (typeof code === 'string' ? code : 'unknown')
}

/** Of bounded length: a receiver may answer with a page. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, mostText)
}

const attemptMs = 1_500
const mostSkipped = 16
const mostText = 160
const nothing = () => undefined
const silent = { verbose: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
