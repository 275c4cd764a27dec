import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { loadScenarios } from '../scenarios.ts'
import {
  agentSeries,
  certificateSeries,
  coldStartSeries,
  handshakeSeries,
  mechanisms,
  refusalCostSeries,
  sprawlSeries,
  stackSeries,
} from '../trial-series.ts'
import type { TrialRecord } from '../trials.ts'
import { measureTrials } from './measure-trials.ts'
import { trials } from './trials.ts'

// The real servers, for a moment: what each trial tells, and what must come out of it on any machine.

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))
const plan = { repetitions: 2, share: 0.05 }

async function make(name: string): Promise<TrialRecord> {
  const chosen = trials.filter((trial) => trial.name === name)
  assert.equal(chosen.length, 1)
  const [record] = await measureTrials(chosen, plan, {
    scenarios,
    pinning: null,
    signal: new AbortController().signal,
    onTrial: () => undefined,
  })
  assert.ok(record)
  return record
}

const valuesOf = ({ series }: TrialRecord, name: string) =>
  series.find((one) => one.name === name)?.values ?? []

test('refusal-cost: every part in every repetition, and no handler for what is refused', async () => {
  const record = await make('refusal-cost')
  const { handlerCalls, ...parts } = refusalCostSeries
  assert.deepEqual(valuesOf(record, handlerCalls), [0])
  for (const name of Object.values(parts)) {
    const values = valuesOf(record, name)
    assert.equal(values.length, plan.repetitions, name)
    assert.ok(
      values.every((us) => us > 0),
      `${name}: ${values.join()}`,
    )
  }
})

test('handshake-verdicts: none is served; TLS 1.3 clients are done before they are judged', async () => {
  const record = await make('handshake-verdicts')
  for (const version of ['1.3', '1.2']) {
    const [tried = 0] = valuesOf(record, handshakeSeries.tried(version))
    assert.equal(tried, 8)
    assert.deepEqual(valuesOf(record, handshakeSeries.served(version)), [0])
  }
  // RFC 8446 section 2: the client sends its certificate with its Finished, and may send data at once.
  assert.deepEqual(valuesOf(record, handshakeSeries.finished('1.3')), [8])
  // M11b: recorded, and no figure to be proud of.
  assert.deepEqual(
    valuesOf(record, handshakeSeries.resumedServed),
    valuesOf(record, handshakeSeries.resumedTried),
  )
})

test('cold-start: every part, in every repetition', async () => {
  const record = await make('cold-start')
  for (const name of Object.values(coldStartSeries))
    assert.equal(valuesOf(record, name).length, plan.repetitions, name)
})

test('certificates: both kinds of credential, and fleets of every size', async () => {
  const record = await make('certificates')
  for (const name of [
    certificateSeries.certificate,
    certificateSeries.token,
    certificateSeries.renewal(1_000),
  ])
    assert.ok(
      valuesOf(record, name).every((value) => value > 0) && valuesOf(record, name).length === 2,
      name,
    )
})

test('agent: tokens for fifty audiences, and fifty certificates', async () => {
  const record = await make('agent')
  const { tokensBytes, certificatesBytes, ...costs } = agentSeries
  for (const name of Object.values(costs))
    assert.ok(
      valuesOf(record, name).every((us) => us > 0) && valuesOf(record, name).length === 2,
      name,
    )
  // A JWT is longer than 300 bytes, a P-256 chain of two with its key than a kilobyte.
  assert.ok((valuesOf(record, tokensBytes)[0] ?? 0) > 50 * 300)
  assert.ok((valuesOf(record, certificatesBytes)[0] ?? 0) > 50 * 1_000)
})

test('sprawl: a connection is served whatever the size of the lists', async () => {
  const record = await make('sprawl')
  for (const name of [sprawlSeries.authorities(500), sprawlSeries.clients(10_000)])
    assert.equal(valuesOf(record, name).length, 2, name)
})

test('stacks: what is counted grows with what takes part', async () => {
  const record = await make('stacks')
  const count = (nameOf: (scenario: string) => string, scenario: string) =>
    valuesOf(record, nameOf(scenario))[0] ?? 0
  for (const scenario of mechanisms)
    for (const nameOf of Object.values(stackSeries))
      assert.ok(count(nameOf, scenario) > 0, nameOf(scenario))
  assert.equal(count(stackSeries.processes, 'mtls'), 1)
  assert.equal(count(stackSeries.processes, 'jwt'), 2)
  assert.ok(count(stackSeries.secrets, 'combined') > count(stackSeries.secrets, 'mtls'))
  assert.ok(count(stackSeries.settings, 'combined') > count(stackSeries.settings, 'jwt'))
})

test('every trial has a name of its own', () => {
  assert.equal(new Set(trials.map(({ name }) => name)).size, trials.length)
})
