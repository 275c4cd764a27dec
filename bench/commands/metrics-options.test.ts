import assert from 'node:assert/strict'
import test from 'node:test'
import { metricsOf } from './metrics-options.ts'

const urls: [given: string, url: string][] = [
  ['http://127.0.0.1:4318', 'http://127.0.0.1:4318/v1/metrics'],
  ['http://127.0.0.1:4318/', 'http://127.0.0.1:4318/v1/metrics'],
  ['https://otel.example/a/v1/metrics?key=1', 'https://otel.example/a/v1/metrics?key=1'],
]
for (const [given, url] of urls) {
  test(`--metrics-otlp ${given} sends to ${url}`, () => {
    assert.deepEqual(metricsOf({ metricsOtlp: given }), { otlpUrl: url, prometheus: null })
  })
}

const addresses: [given: string, host: string, port: number][] = [
  ['9464', '127.0.0.1', 9464],
  [':9464', '127.0.0.1', 9464],
  ['localhost:0', 'localhost', 0],
  ['0.0.0.0:9464', '0.0.0.0', 9464],
  ['[::1]:9464', '::1', 9464],
]
for (const [given, host, port] of addresses) {
  test(`--metrics-prometheus ${given} listens at ${host}, port ${port}`, () => {
    assert.deepEqual(metricsOf({ metricsPrometheus: given }), {
      otlpUrl: null,
      prometheus: { host, port },
    })
  })
}

test('off by default', () => {
  assert.equal(metricsOf({}), null)
})

const wrong: [option: 'metricsOtlp' | 'metricsPrometheus', given: string, message: RegExp][] = [
  ['metricsOtlp', 'collector', /--metrics-otlp collector: expected the http or https URL/],
  ['metricsOtlp', 'localhost:4318', /expected the http or https URL/],
  ['metricsOtlp', 'grpc://127.0.0.1:4317', /expected the http or https URL/],
  ['metricsOtlp', '', /expected the http or https URL/],
  ['metricsOtlp', 'http://me:s3cret@otel.example', /^(?!.*s3cret).*OTEL_EXPORTER_OTLP_HEADERS/],
  ['metricsPrometheus', 'metrics', /--metrics-prometheus metrics: expected an address/],
  ['metricsPrometheus', '127.0.0.1', /expected an address/],
  ['metricsPrometheus', '127.0.0.1:65536', /expected an address/],
  ['metricsPrometheus', '::1:9464', /expected an address/],
  ['metricsPrometheus', '[1.2]:9464', /expected an address/],
  ['metricsPrometheus', 'http://127.0.0.1:9464', /expected an address/],
]
for (const [option, given, message] of wrong) {
  test(`is refused: ${option} ${given}`, () => {
    assert.throws(() => metricsOf({ [option]: given }), { code: 'usage', message })
  })
}
