import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { pairedLogRatio } from './pairing.ts'

suite('pairing of adjacent slices', () => {
  const place = (arms: string, wanted: string, valueOf: (position: number) => number) =>
    Array.from(arms).flatMap((arm, position) =>
      arm === wanted ? [{ position, value: valueOf(position) }] : [],
    )
  const ratio = (arms: string, valueOf: (position: number, arm: string) => number) =>
    pairedLogRatio(
      place(arms, 'A', (position) => valueOf(position, 'A')),
      place(arms, 'B', (position) => valueOf(position, 'B')),
    )

  test('ABBA pairs the slices of each round, so a steady drift goes both ways', () => {
    // ln: A0 B1 | B2 A3 | A4 B5 | B6 A7; pairs differ by the effect ± 1 step of drift.
    const result = ratio('ABBAABBA', (position, arm) =>
      Math.exp(0.01 * position + (arm === 'B' ? 0.05 : 0)),
    )
    assert.ok(Math.abs((result ?? 0) - 0.05) < 1e-12)
  })

  test('other arms between do not part the slices of a round', () => {
    // Rounds A X B and B X A: ln b/a is 1 + 0.2 and 1 - 0.2.
    const result = ratio('AXBBXA', (position, arm) =>
      Math.exp(0.1 * position + (arm === 'B' ? 1 : 0)),
    )
    assert.ok(Math.abs((result ?? 0) - 1) < 1e-12)
  })

  test('of several slices of one arm in a row the nearest is paired', () => {
    // A0 is passed over: B2 stands next to A1. B3 has nothing left.
    assert.equal(
      ratio('AABB', (position) => 2 ** position),
      Math.log(2),
    )
  })

  test('swapping the arms changes the sign and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('A', 'B'), fc.integer({ min: 1, max: 1_000 })), {
          maxLength: 40,
        }),
        (slices) => {
          const arms = slices.map(([arm]) => arm).join('')
          const forward = ratio(arms, (position) => slices[position]?.[1] ?? 0)
          const back = pairedLogRatio(
            place(arms, 'B', (position) => slices[position]?.[1] ?? 0),
            place(arms, 'A', (position) => slices[position]?.[1] ?? 0),
          )
          if (forward === null || back === null) assert.equal(forward, back)
          else assert.ok(Math.abs(forward + back) < 1e-12)
        },
      ),
    )
  })

  test('no pair gives null, and a zero is no ratio', () => {
    assert.equal(
      ratio('AA', () => 1),
      null,
    )
    assert.equal(
      ratio('AB', () => 0),
      null,
    )
  })
})
