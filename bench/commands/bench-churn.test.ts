import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { startCli, temporaryFolder } from '../cli-testbed.ts'
import { parseRun } from '../results.ts'

const churn = (scenarios: string[], folder: string, ...more: string[]) => [
  ...['bench', ...scenarios, '--load', 'churn', '--smoke', '--seed', '1', '--results', folder],
  ...more,
]

test('every kind of case, by the server’s own count: full, resumed, kept', async (t) => {
  const folder = temporaryFolder(t)
  const scenarios = ['http', 'tls', 'mtls', 'jwt', 'combined']
  const words = ['--policy', 'full', '--requests-per-connection', '1,3,inf', '--json']
  const { exitCode, out, err } = await startCli(t, churn(scenarios, folder, ...words)).ended
  assert.equal(exitCode, 0, err)
  const { cases, charts } = JSON.parse(out) as RunEnvelope
  assert.equal(cases.length, 15)
  const counts = cases.map(({ scenario, churn: used, metrics }) => [
    scenario,
    used?.requestsPerConnection ?? null,
    used?.connections,
    used?.requests,
    metrics.handshakesFull?.estimate,
    metrics.handshakesResumed?.estimate,
  ])
  for (const scenario of scenarios) {
    const own = counts.filter(([name]) => name === scenario).map(([, ...rest]) => rest)
    const tls = scenario === 'http' ? 0 : 1
    // Two slices: 4 connections with 1 request each, 3 with 3; 8 requests on connections that stay.
    assert.deepEqual(own, [
      [1, 8, 8, 8 * tls, 0],
      [3, 6, 18, 6 * tls, 0],
      [null, 0, 16, 0, 0],
    ])
  }
  assert.ok(cases.every(({ preflight }) => preflight !== null && preflight.handlerCalls === 0))
  assert.match(cases[0]?.id ?? '', /^http\/.*\/policy=full\/requestsPerConnection=1$/)
  assert.equal(charts.length, 1)
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const run = parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
  assert.deepEqual([run.complete, run.blocks[0]?.churn?.length], [true, 15])
})

test('resumed: 99 % and more of the handshakes are, with client certificates and both versions', async (t) => {
  const folder = temporaryFolder(t)
  const words = ['--policy', 'resumed', '--requests-per-connection', '2', '--set', 'tls=1.2,1.3']
  const { exitCode, out, err } = await startCli(
    t,
    churn(['tls', 'mtls'], folder, ...words, '--json'),
  ).ended
  assert.equal(exitCode, 0, err)
  const { cases } = JSON.parse(out) as RunEnvelope
  assert.deepEqual(
    cases.map(({ scenario, parameters, metrics }) => [
      scenario,
      parameters['tls'],
      metrics.resumedShare?.estimate,
    ]),
    [
      ['tls', '1.2', 1],
      ['tls', '1.3', 1],
      ['mtls', '1.2', 1],
      ['mtls', '1.3', 1],
    ],
  )
})

test('what does not belong together is refused before anything is started', async (t) => {
  const folder = temporaryFolder(t)
  const wrong: [string[], RegExp][] = [
    [churn(['http'], folder, '--policy', 'resumed'), /http speaks no TLS/],
    [churn(['tls'], folder, '--against', 'mtls'), /--against is for closed loops/],
    [
      ['bench', 'tls', '--load', 'churn', '--precision', '1%'],
      /--precision 1% is for closed loops/,
    ],
  ]
  for (const [words, message] of wrong) {
    const { exitCode, err, out } = await startCli(t, words).ended
    assert.deepEqual([exitCode, out], [64, ''], words.join(' '))
    assert.match(err, message)
  }
  assert.deepEqual(readdirSync(folder), [])
})

test('a reconnect storm: all clients at once, full and resumed, and how long until all are served', async (t) => {
  const folder = temporaryFolder(t)
  const words = ['--policy', 'full,resumed', '--storm', '12']
  const { exitCode, out, err } = await startCli(t, churn(['mtls'], folder, ...words, '--json'))
    .ended
  assert.equal(exitCode, 0, err)
  const { cases } = JSON.parse(out) as RunEnvelope
  assert.deepEqual(
    cases.map(({ parameters, churn: used, metrics }) => [
      parameters['storm'] ?? null,
      used?.policy,
      used?.concurrency,
      metrics.handshakesFull?.estimate,
      metrics.handshakesResumed?.estimate,
    ]),
    // Two storms of 12 in a smoke block.
    [
      [null, 'keep-alive', 8, 0, 0],
      ['12', 'full', 12, 24, 0],
      ['12', 'resumed', 12, 0, 24],
    ],
  )
  for (const { churn: used } of cases.slice(1)) {
    const [served, recovery] = [used?.servedP50Us?.estimate ?? 0, used?.recoveryUs?.estimate ?? 0]
    assert.ok(served > 0 && recovery >= served * 0.99, `${served} and ${recovery} µs`)
  }
})
