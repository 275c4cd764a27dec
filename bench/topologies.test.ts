import assert from 'node:assert/strict'
import test from 'node:test'
import type { RunEnvelope } from './analysis/envelope-schema.ts'
import { startCli, temporaryFolder } from './cli-testbed.ts'

// Smoke runs of real chains of servers: in every slice each hop must have passed on what the client sent.

async function smoke(t: test.TestContext, words: string[]) {
  const run = ['bench', ...words, '--smoke', '--json', '--seed', '1']
  const { exitCode, out, err } = await startCli(t, [...run, '--results', temporaryFolder(t)]).ended
  assert.equal(exitCode, 0, err)
  return (JSON.parse(out) as RunEnvelope).cases
}

const hopsOf = {
  'mtls-gateway': ['gateway', 'service'],
  'token-gateway': ['gateway', 'sidecar', 'service'],
  sidecar: ['sidecar', 'service'],
} as const

for (const [name, names] of Object.entries(hopsOf)) {
  test(`${name}: every hop is measured, and their CPU is the arm's`, async (t) => {
    const cases = await smoke(t, [name])
    const trial = cases.find(({ scenario }) => scenario === name)
    assert.ok(trial)
    assert.deepEqual([trial.outcome, trial.preflight?.handlerCalls], ['measured', 0])
    assert.deepEqual(
      trial.hops.map(({ hop }) => hop),
      names,
    )
    const sum = trial.hops.reduce((all, hop) => all + (hop.cpuUsPerRequest?.estimate ?? 0), 0)
    const whole = trial.metrics.cpuUsPerRequest?.estimate ?? 0
    assert.ok(Math.abs(sum - whole) < 1e-6 * whole, `${sum} of ${whole} µs`)
    for (const [index, hop] of trial.hops.entries()) {
      const [own, rest] = [hop.ownP50Us?.estimate ?? 0, hop.wholeP50Us?.estimate ?? 0]
      assert.ok(own > 0 && own <= rest, `${hop.hop}: ${own} of ${rest} µs`)
      assert.ok((hop.singleOwnP50Us?.estimate ?? 0) > 0, hop.hop)
      assert.equal(hop.bypassed === null, index === 0)
    }
    // Other cases are one server each.
    assert.ok(
      cases.filter(({ scenario }) => scenario !== name).every(({ hops }) => hops.length === 0),
    )
  })
}

test('hops under offered load and with new connections', async (t) => {
  for (const load of [
    ['--load', 'open', '--rate', '50'],
    ['--load', 'churn', '--requests-per-connection', '2'],
  ]) {
    const [trial] = await smoke(t, ['token-gateway', ...load])
    assert.deepEqual([trial?.outcome, trial?.preflight?.handlerCalls], ['measured', 0])
  }
})

test('spans can be left out, so that what they cost can be measured', async (t) => {
  const words = ['sidecar', '--set', 'spans=off', '--against', 'sidecar/spans=on']
  const cases = await smoke(t, words)
  const spans = cases
    .filter(({ scenario }) => scenario === 'sidecar')
    .map(({ parameters, hops }) => [parameters['spans'], hops[0]?.ownP50Us === null])
  assert.deepEqual(spans, [
    ['off', true],
    ['on', false],
  ])
})

for (const credential of ['token', 'certificate']) {
  test(`integrations: fifty partners by ${credential}, each served, none at another's payments`, async (t) => {
    const words = ['integrations', '--set', `credential=${credential}`]
    const trial = (await smoke(t, words)).find(({ scenario }) => scenario === 'integrations')
    assert.equal(trial?.outcome, 'measured')
    assert.deepEqual(trial.preflight?.pairs, { partners: 50, tried: 2_450, refused: 2_450 })
    assert.equal(trial.preflight.handlerCalls, 0)
  })
}
