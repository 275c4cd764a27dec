import type { Command } from 'commander'
import { isIP } from 'node:net'
import { BenchError } from '../errors.ts'
import type { MetricsSettings, ScrapeAddress } from '../otel/messages.ts'

/** Options of every command that can be watched while it measures. */
export interface MetricsCommandOptions {
  readonly metricsOtlp?: string
  readonly metricsPrometheus?: string
}

/** Adds the options that say where metrics go. */
export function addMetricsOptions(command: Command): Command {
  return command
    .option(
      '--metrics-otlp <url>',
      'send OpenTelemetry metrics there (OTLP/HTTP) between blocks and windows, not within; OTEL_EXPORTER_OTLP_HEADERS is sent along',
    )
    .option(
      '--metrics-prometheus <host:port>',
      'serve /metrics there until the run ends and whoever reads it has the last figures (15 s at most), on 127.0.0.1 where only a port is given; changes between blocks and windows, not within',
    )
}

/** Where metrics go; null: nowhere. Throws usage errors. */
export function metricsOf({
  metricsOtlp,
  metricsPrometheus,
}: MetricsCommandOptions): MetricsSettings | null {
  if (metricsOtlp === undefined && metricsPrometheus === undefined) return null
  return {
    otlpUrl: metricsOtlp === undefined ? null : otlpUrl(metricsOtlp),
    prometheus: metricsPrometheus === undefined ? null : scrapeAddress(metricsPrometheus),
  }
}

/** The same options as arguments: for a run that goes on, never for what is stored of it. */
export function metricsArguments({
  metricsOtlp,
  metricsPrometheus,
}: MetricsCommandOptions): string[] {
  return [
    ...(metricsOtlp === undefined ? [] : ['--metrics-otlp', metricsOtlp]),
    ...(metricsPrometheus === undefined ? [] : ['--metrics-prometheus', metricsPrometheus]),
  ]
}

/** A URL without a path is that of a receiver for all signals, as in OTEL_EXPORTER_OTLP_ENDPOINT. */
function otlpUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new BenchError(
      'usage',
      `--metrics-otlp ${text}: expected the http or https URL of a receiver, as http://127.0.0.1:4318`,
    )
  }
  // Not repeated: it holds a password.
  if (url.username !== '' || url.password !== '') {
    throw new BenchError(
      'usage',
      '--metrics-otlp: holds a name or password; give it in OTEL_EXPORTER_OTLP_HEADERS instead',
    )
  }
  if (url.pathname === '/') url.pathname = '/v1/metrics'
  return url.href
}

function scrapeAddress(text: string): ScrapeAddress {
  const [, bracketed, name = bracketed ?? '127.0.0.1', digits = ''] =
    /^(?:(?:\[([\da-f:.]+)\]|([a-z\d.-]+))?:)?(\d{1,5})$/i.exec(text) ?? []
  const port = Number(digits)
  const isHost = bracketed === undefined || isIP(bracketed) === 6
  if (digits !== '' && port <= 65_535 && isHost) return { host: name, port }
  throw new BenchError(
    'usage',
    `--metrics-prometheus ${text}: expected an address to listen at, as 9464, 127.0.0.1:9464 or [::1]:9464`,
  )
}
