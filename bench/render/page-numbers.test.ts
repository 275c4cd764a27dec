import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { withMargin } from './numbers.ts'

const source = readFileSync(join(import.meta.dirname, 'page', 'numbers.js'), 'utf8')

test('scripts of the page write numbers as the tables beside them do', () => {
  const amount = fc.double({ min: -1e6, max: 1e6, noNaN: true })
  const width = fc.double({ min: 0, max: 1e5, noNaN: true })
  const figures = fc.sample(fc.tuple(amount, width, width, fc.boolean()), 1_000)
  const estimates = figures.map(([estimate, down, up, isKnown]) => ({
    estimate,
    low: isKnown ? estimate - down : null,
    high: isKnown ? estimate + up : null,
    level: 0.99,
    blocks: 9,
  }))
  const told: unknown = runInNewContext(
    `${source}\nJSON.stringify(JSON.parse(json).map((figure) => withMargin(figure)))`,
    { json: JSON.stringify(estimates.map(({ estimate, low, high }) => [estimate, low, high])) },
  )
  assert.deepEqual(
    JSON.parse(String(told)),
    estimates.map((estimate) => withMargin(estimate)),
  )
})
