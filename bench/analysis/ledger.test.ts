import assert from 'node:assert/strict'
import test from 'node:test'
import type { Run } from '../results.ts'
import { ledgerParts } from './ledger-parts.ts'
import { ledgersOf, primitiveFigures } from './ledger.ts'
import { syntheticRun } from './testdata.ts'

/**
 * A run in which the machine has another speed in each block: it moves scenarios and primitives alike.
 * All costs are in µs.
 */
function runOf(
  costs: Readonly<Record<string, number>>,
  primitives: Readonly<Record<string, number>>,
  parameters: Readonly<Record<string, string>> = {},
): Run {
  const run = syntheticRun({
    arms: Object.entries(costs).map(([scenario, cpuUs]) => ({
      scenario,
      cpuUs,
      parameters: { connections: '8', ...parameters },
    })),
    blocks: speeds.length,
    blockSd: 0,
    sliceSd: 0,
    drift: 0,
  })
  return {
    ...run,
    blocks: run.blocks.map((block, index) => {
      const speed = speeds[index] ?? 1
      return {
        ...block,
        slices: block.slices.map((slice) => ({ ...slice, cpuUs: (slice.cpuUs ?? 0) * speed })),
        primitives: Object.entries(primitives).map(([id, us]) => ({
          id,
          calls: 10,
          cpuUsPerCall: us * speed,
          wallP50UsPerCall: us * speed * 2,
        })),
      }
    }),
  }
}

const speeds = [1, 3, 1.5, 2, 1, 1.2, 4, 1, 1.1, 2.5]
const parts = {
  'exchange: TLS': 9,
  'exchange: TCP': 6,
  'signature ES256: Web Crypto': 80,
  'JWT ES256: jose, key set': 110,
  'token: read the Authorization header': 1,
  'guard: scope': 0.5,
  'guard: tenant': 0.5,
}

test('parts add up block by block, so that a slow minute is slow on both sides', () => {
  // 14 + 3 + 80 + 30 + 1 + 1 = 129 of 150
  const [ledger, ...others] = ledgersOf(runOf({ http: 14, jwt: 150 }, parts), 0.99)
  assert.deepEqual(others, [])
  assert.ok(ledger)
  assert.equal(ledger.arm, 'jwt/connections=8')
  assert.equal(ledger.explainedShare.estimate.toFixed(4), (129 / 150).toFixed(4))
  // The share does not move with the machine, however much the figures do.
  assert.equal(ledger.explainedShare.low?.toFixed(4), (129 / 150).toFixed(4))
  assert.ok((ledger.totalCpuUs.high ?? 0) - (ledger.totalCpuUs.low ?? 0) > 50)
  assert.deepEqual(
    ledger.entries.map(({ kind }) => kind),
    ['http', 'tls', 'signature', 'token', 'token', 'guards'],
  )
})

test('parts that come to more than the whole leave a rest below zero, and are not cut off', () => {
  const [ledger] = ledgersOf(runOf({ http: 14, jwt: 100 }, parts), 0.99)
  assert.ok((ledger?.restCpuUs.estimate ?? 0) < 0)
  assert.ok((ledger?.explainedShare.estimate ?? 0) > 1)
})

test('a part that was not measured leaves no ledger, rather than one with a hole', () => {
  const { 'exchange: TCP': _, ...without } = parts
  assert.deepEqual(ledgersOf(runOf({ http: 14, jwt: 150 }, without), 0.99), [])
  assert.deepEqual(ledgersOf(runOf({ jwt: 150 }, parts), 0.99), [])
})

test('the parts of a case follow from its parameters', () => {
  const labels = (scenario: string, parameters: Record<string, string>) =>
    runOf({ [scenario]: 1 }, {}, parameters)
      .arms.flatMap(ledgerParts)
      .map(({ label }) => label)
  assert.ok(labels('jwt', { alg: 'RS256' }).includes('RS256 signature'))
  assert.ok(labels('jwt', { verifier: 'node' }).some((label) => label.includes('rest of node')))
  assert.ok(labels('jwt', { tokenCache: 'on' }).includes('token cache'))
  assert.ok(labels('combined', { token: 'opaque' }).includes('call of the authorization server'))
  assert.ok(!labels('introspection', { introspectionCache: '5s' }).some((one) => /call/.test(one)))
  assert.deepEqual(labels('http', {}), [])
})

test('primitives over blocks, by name', () => {
  const figures = primitiveFigures(runOf({}, { b: 2, a: 1 }), 0.99)
  assert.deepEqual(
    figures.map(({ id, calls }) => [id, calls]),
    [
      ['a', 100],
      ['b', 100],
    ],
  )
  const [a, b] = figures
  assert.ok(a && b)
  assert.equal(b.cpuUsPerCall.estimate, 2 * a.cpuUsPerCall.estimate)
  assert.equal(a.wallP50UsPerCall.estimate, 2 * a.cpuUsPerCall.estimate)
  assert.equal(a.cpuUsPerCall.blocks, 10)
})
