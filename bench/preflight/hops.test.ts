import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { failuresOf, preflight } from '../preflight.ts'
import { startServer } from '../processes.ts'
import type { HopRefusals, Preflight } from '../results.ts'
import { expand } from '../cases.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))

async function verified(name: string, settings: Record<string, string[]> = {}): Promise<Preflight> {
  const [trial] = expand(findScenario(name, scenarios), settings)
  assert.ok(trial)
  const outcome = await preflight(trial, startServer)
  assert.deepEqual(failuresOf(outcome), [])
  return outcome
}

const idsOf = ({ refusals }: HopRefusals, wanted: string) =>
  refusals.filter(({ kind }) => kind === wanted).map(({ id }) => id)
const ids = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `H${first + index}`)

const cases: {
  name: string
  hops: { hop: string; holds: RegExp; refuses: string[]; left: string[]; refused: number }[]
}[] = [
  {
    name: 'mtls-gateway',
    hops: [
      {
        hop: 'service',
        holds: /access tokens of the gateway/,
        refuses: ids(4, 11),
        left: ['H12'],
        refused: 8,
      },
    ],
  },
  {
    name: 'token-gateway',
    hops: [
      {
        hop: 'sidecar',
        holds: /certificate of the gateway/,
        refuses: ids(1, 11),
        left: ['H12'],
        refused: 11,
      },
      // Nothing is left to check: it rests on loopback alone.
      {
        hop: 'service',
        holds: /machine of the sidecar/,
        refuses: [],
        left: ids(4, 12),
        refused: 0,
      },
    ],
  },
  {
    name: 'sidecar',
    hops: [
      {
        hop: 'service',
        holds: /machine of the sidecar/,
        refuses: [],
        left: ids(4, 12),
        refused: 0,
      },
    ],
  },
]

for (const { name, hops: expected } of cases) {
  test(`${name}: what each hop still refuses when those before it are compromised`, async () => {
    const { hops = [] } = await verified(name)
    assert.deepEqual(
      hops.map(({ hop }) => hop),
      expected.map(({ hop }) => hop),
    )
    for (const [index, { holds, refuses, left, refused }] of expected.entries()) {
      const seen = hops[index]
      assert.ok(seen)
      assert.match(seen.holds, holds)
      assert.deepEqual(idsOf(seen, 'refuse'), refuses)
      assert.deepEqual(idsOf(seen, 'record'), left)
      assert.deepEqual([seen.tried, seen.refused], [refuses.length + left.length, refused])
      for (const row of seen.refusals) {
        // What is refused never reaches the handler of this hop; what is left to others does.
        assert.equal(row.handlerCalls, row.kind === 'refuse' ? 0 : 1, row.id)
        if (row.kind === 'record') assert.equal(row.outcome, 'accepted: 200', row.id)
      }
    }
  })
}

for (const credential of ['token', 'certificate']) {
  test(`integrations by ${credential}: no partner gets at the payments of another`, async () => {
    const { pairs, handlerCalls } = await verified('integrations', { credential: [credential] })
    // 50 × 49.
    assert.deepEqual(pairs, { partners: 50, tried: 2_450, refused: 2_450 })
    assert.equal(handlerCalls, 0)
  })
}
