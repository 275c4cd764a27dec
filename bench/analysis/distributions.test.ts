import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signedRankTail, studentCdf, studentQuantile } from './distributions.ts'

// Oracle: R 4.2.2, psignrank(t, n), pt(t, df), qt(p, df).

const near = (actual: number, expected: number, relative: number, what: string) => {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what}: ${actual}`)
}

test('the signed-rank tail is the share of subsets of the ranks with at most that sum', () => {
  // n = 3: sums 0, 1, 2, 3, 3, 4, 5, 6 of eight subsets.
  const tail = signedRankTail(3)
  assert.deepEqual(
    [-1, 0, 1, 2, 3, 4, 5, 6, 7].map(tail),
    [0, 1, 2, 3, 5, 6, 7, 8, 8].map((subsets) => subsets / 8),
  )
})

test('the signed-rank tail agrees with R', () => {
  const oracle = [
    [8, 0, 0.00390625],
    [8, 3, 0.01953125],
    [8, 18, 0.52734375],
    [12, 0, 0.000244140625],
    [12, 5, 0.00244140625],
    [12, 10, 0.01049804687500001],
    [12, 20, 0.0756835937500001],
    [12, 39, 0.5151367187500001],
    [50, 100, 4.48519976714578e-9],
    [50, 300, 4.23785449182645e-4],
    [50, 400, 1.06118358184242e-2],
    [50, 500, 9.38419520867075e-2],
    [50, 637, 0.5],
    [60, 400, 4.58602154594e-5],
    [60, 567, 4.90940041289e-3],
    [60, 700, 5.73955662666e-2],
    [60, 915, 5.01457463781e-1],
  ] as const
  for (const [n, t, expected] of oracle)
    near(signedRankTail(n)(t), expected, 1e-11, `n=${n} t=${t}`)
})

test('Student’s t agrees with R, for odd and even degrees of freedom', () => {
  const values = [
    [0.5, 1, 0.64758361765],
    [2, 4, 0.941941738242],
    [3.5, 7, 0.995003479559],
    [-1.2, 12, 0.126647365127],
  ] as const
  for (const [t, degrees, expected] of values)
    near(studentCdf(t, degrees), expected, 1e-11, `t=${t}`)
  const quantiles = [
    [1, 63.65674116287],
    [2, 9.9248432009],
    [3, 5.84090930973],
    [7, 3.49948329735],
    [11, 3.10580651554],
    [15, 2.94671288348],
    [39, 2.70791318352],
    [100, 2.62589052144],
  ] as const
  for (const [degrees, expected] of quantiles) {
    near(studentQuantile(0.995, degrees), expected, 1e-10, `degrees=${degrees}`)
  }
})
