import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aliases, catalogue, entryOf, refusalIds } from './catalogue.ts'

test('the catalogue has every id once, and as many as rejections.md', () => {
  const ids = catalogue.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  // T 6, M 16 with M11 as a and b, J 23, I 13, C 10, D 13.
  assert.equal(ids.length, 6 + 17 + 23 + 13 + 10 + 13)
  const recorded = catalogue.filter(({ kind }) => kind === 'record').map(({ id }) => id)
  assert.deepEqual(recorded, ['M11b', 'M16', 'J23', 'I4'])
})

test('patterns name ids, letters and exceptions, and keep the order of the catalogue', () => {
  const cases: [patterns: string[], ids: string[]][] = [
    [['T*'], ['T1', 'T2', 'T3', 'T4', 'T5', 'T6']],
    [['J3'], ['J3']],
    [
      ['J22', 'J1', 'T6'],
      ['T6', 'J1', 'J22'],
    ],
    [['J1', 'J1'], ['J1']],
    // A letter means what must be refused: the recorded one is named.
    [
      ['I*', '!I1', '!I2', '!I3'],
      ['I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11', 'I12', 'I13'],
    ],
    [
      ['M16', 'M11b'],
      ['M11b', 'M16'],
    ],
    [[], []],
  ]
  for (const [patterns, ids] of cases) assert.deepEqual(refusalIds(patterns), ids)
})

test('a pattern that names nothing is an error, so that a misspelt refusal is not left out', () => {
  for (const pattern of ['X*', 'J99', '!J99', '']) {
    assert.throws(() => refusalIds([pattern]), /no refusal is called/, pattern)
  }
  assert.throws(() => entryOf('J99'), /no refusal is called J99/)
})

test('aliases name catalogued ids that come before them', () => {
  const order = catalogue.map(({ id }) => id)
  for (const [id, others] of Object.entries(aliases)) {
    for (const other of others)
      assert.ok(order.indexOf(other) < order.indexOf(id), `${id} ${other}`)
  }
})
