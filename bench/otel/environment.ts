import type { MetricsSettings } from './messages.ts'

// Settings go to the process that exports by its environment: the address of a receiver may hold a key, and
// a command line is there for everybody to see.

/** Environment for settings, with what OpenTelemetry itself lets be set there: headers, certificates, compression. */
export function environmentOf(
  { otlpUrl, prometheus }: MetricsSettings,
  own: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const standard = Object.entries(own).filter(
    ([name]) => name.startsWith('OTEL_EXPORTER_OTLP_') || name === 'NODE_EXTRA_CA_CERTS',
  )
  return {
    ...Object.fromEntries(standard),
    ...(otlpUrl === null ? {} : { [names.otlp]: otlpUrl }),
    ...(prometheus === null
      ? {}
      : { [names.host]: prometheus.host, [names.port]: String(prometheus.port) }),
  }
}

/** Inverse of `environmentOf`. */
export function settingsFrom(environment: NodeJS.ProcessEnv): MetricsSettings {
  const [otlpUrl, host, port] = [names.otlp, names.host, names.port].map(
    (name) => environment[name],
  )
  return {
    otlpUrl: otlpUrl ?? null,
    prometheus: host === undefined ? null : { host, port: Number(port) },
  }
}

const names = {
  otlp: 'TRUSTBENCH_METRICS_OTLP',
  host: 'TRUSTBENCH_METRICS_HOST',
  port: 'TRUSTBENCH_METRICS_PORT',
} as const
