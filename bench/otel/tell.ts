import type { Warning } from '../results.ts'
import type { MetricsSettings, MetricsState, ScrapeAddress } from './messages.ts'

/** Where somebody can read the metrics of a run. */
export function endpointLine({ host }: ScrapeAddress, port: number): string {
  return `metrics: http://${bracketed(host)}:${port}/metrics\n`
}

/** What exporting took, so that nobody has to believe that it added nothing. */
export function stateLine({ otlp, scrapes, inBlocksUs, betweenBlocksUs }: MetricsState): string {
  const ms = (us: number) => (us / 1_000).toFixed(1)
  const sent =
    otlp === null ? '' : `, sent ${otlp.exports - otlp.failures} of ${otlp.exports} times`
  return `metrics: used ${ms(inBlocksUs)} ms of CPU while blocks ran, ${ms(betweenBlocksUs)} ms between them; read ${scrapes} times${sent}\n`
}

/** Why the run does not end at once. */
export function lastScrapeLine(mostMs: number): string {
  return `metrics: up to ${mostMs / 1_000} s until the last figures are read; Ctrl-C ends\n`
}

/** A failure at the moment at which it is new. */
export function failureLine(settings: MetricsSettings, failure: string): string {
  return `trustbench: ${receiverOf(settings)}: ${failure}; the run goes on\n`
}

/** The process that exports is gone. */
export function goneLine(why: string): string {
  return `trustbench: ${goneText(why)}, the run goes on without\n`
}

/** What the reader of a run must know of what a dashboard shows of it. */
export function metricsWarnings(
  settings: MetricsSettings,
  { state, lost }: { readonly state: MetricsState | null; readonly lost: readonly string[] },
): Warning[] {
  const otlp = state?.otlp ?? null
  return [
    ...lost.map((why) => ({ code, message: goneText(why), advice: 'the figures here are whole' })),
    ...(otlp === null || otlp.failures === 0
      ? []
      : [
          {
            code,
            message: `${receiverOf(settings)}: ${otlp.failures} of ${otlp.exports} exports failed, ${otlp.failure === null ? 'the last one told all counts' : `the last one with: ${otlp.failure}`}`,
            advice: 'look whether a collector listens there; the figures here are whole',
          },
        ]),
  ]
}

/** `host:port` as in a URL. */
export function addressText({ host, port }: ScrapeAddress): string {
  return `${bracketed(host)}:${port}`
}

function goneText(why: string): string {
  return `metrics are no longer exported: ${why}`
}

/** Without what is behind the question mark, which may be a key. */
function receiverOf({ otlpUrl }: MetricsSettings): string {
  const url = otlpUrl === null ? null : URL.parse(otlpUrl)
  return `--metrics-otlp ${url === null ? '' : `${url.origin}${url.pathname}`}`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

const code = 'metrics-not-exported'
