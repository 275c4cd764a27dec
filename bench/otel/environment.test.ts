import assert from 'node:assert/strict'
import test from 'node:test'
import { environmentOf, settingsFrom } from './environment.ts'
import type { MetricsSettings } from './messages.ts'

const rows: MetricsSettings[] = [
  { otlpUrl: 'https://otel.example/v1/metrics?key=1', prometheus: null },
  { otlpUrl: null, prometheus: { host: '::1', port: 0 } },
  { otlpUrl: 'http://127.0.0.1:4318/v1/metrics', prometheus: { host: '127.0.0.1', port: 9464 } },
]
for (const settings of rows) {
  test(`settings arrive as they were sent: ${JSON.stringify(settings)}`, () => {
    assert.deepEqual(settingsFrom(environmentOf(settings, {})), settings)
  })
}

test('headers for the receiver are passed on, nothing else is', () => {
  const own = { OTEL_EXPORTER_OTLP_HEADERS: 'k=v', NODE_EXTRA_CA_CERTS: 'ca.pem', SECRET: 'x' }
  assert.deepEqual(environmentOf({ otlpUrl: null, prometheus: null }, own), {
    OTEL_EXPORTER_OTLP_HEADERS: 'k=v',
    NODE_EXTRA_CA_CERTS: 'ca.pem',
  })
})
