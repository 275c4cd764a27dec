import type { ArmRecord, Run } from '../results.ts'
import { breakEvens } from './break-even.ts'
import { cellsOf, costs, usesOf } from './churn.ts'
import type { ClaimNumber, Windows } from './claim.ts'
import { difference, over, ratio, valuesOf } from './claim-figures.ts'
import { baselineOf, labelOf, valuesAtOne } from './question-figures.ts'
import type { Estimate } from './stats.ts'
import { defaultThresholds } from './verdict.ts'

/** The first answer that a run gives. */
export function byRun(
  answer: (run: Run) => ClaimNumber[],
): (runs: readonly Run[]) => ClaimNumber[] {
  return (runs) => {
    for (const run of runs) {
      const numbers = answer(run)
      if (numbers.length > 0) return numbers
    }
    return []
  }
}

/** One number of an answer; none without a value. */
export function number(
  label: string,
  unit: ClaimNumber['unit'],
  value: Estimate | null,
): ClaimNumber[] {
  return value === null ? [] : [{ label, unit, value }]
}

/** A case over its baseline: p50 at one connection, and CPU. */
export function overBaseline(run: Run, arm: ArmRecord | undefined, label: string): ClaimNumber[] {
  const baseline = baselineOf(run, arm)
  if (arm === undefined || baseline === undefined) return []
  return [
    ...number(
      `${label}, p50 at one connection`,
      'µs',
      difference(valuesAtOne(run, arm), valuesAtOne(run, baseline)),
    ),
    ...number(
      `${label}, server CPU per request`,
      'µs',
      difference(valuesOf(run, arm, 'cpuUsPerRequest'), valuesOf(run, baseline, 'cpuUsPerRequest')),
    ),
  ]
}

/** CPU of each arm. */
export function ofEach(
  run: Run,
  arms: readonly (readonly [label: string, arm: ArmRecord])[],
  label: string,
): ClaimNumber[] {
  return arms.flatMap(([value, arm]) =>
    number(`${value}: ${label}`, 'µs', over(valuesOf(run, arm, 'cpuUsPerRequest'))),
  )
}

/** p50 of a case over its identical twin. */
export function twins(run: Run): ClaimNumber[] {
  const arm = run.arms.find(
    (one) => one.role === 'case' && baselineOf(run, one)?.caseId === one.caseId,
  )
  const twin = baselineOf(run, arm)
  return number(
    `${arm?.scenario ?? ''} over its identical twin, p50 at one connection`,
    '×',
    arm === undefined || twin === undefined
      ? null
      : ratio(valuesAtOne(run, arm), valuesAtOne(run, twin)),
  )
}

/** Requests per connection at which a JWT and another mechanism cost the same. */
export function crossings(run: Run): ClaimNumber[] {
  const scenarioOf = (id: string) => run.arms.find((arm) => arm.id === id)?.scenario ?? id
  if (!run.blocks.some(({ churn }) => churn !== undefined)) return []
  const cases = run.arms.filter(({ role }) => role === 'case').map(({ id }) => id)
  return breakEvens(run.blocks, cases, defaultThresholds)
    .filter(({ cheaperAbove, cheaperBelow }) =>
      [cheaperAbove, cheaperBelow].map(scenarioOf).includes('jwt'),
    )
    .flatMap(({ cheaperAbove, cheaperBelow, policy, requestsPerConnection, ...interval }) =>
      number(
        `${scenarioOf(cheaperAbove)} is cheaper than ${scenarioOf(cheaperBelow)} above, ${policy} handshakes`,
        'requests',
        { estimate: requestsPerConnection, ...interval },
      ),
    )
}

/** How long a revoked token is served, by whether introspection is remembered. */
export function delays(windows: Windows): ClaimNumber[] {
  return (
    [
      ['revoke-opaque', 'not cached'],
      ['revoke-opaque-cached', 'cached for 5 s'],
    ] as const
  ).flatMap(([name, label]): ClaimNumber[] => {
    const window = windows.get(name)
    if (window === undefined) return []
    const value =
      window.refusedAfter === 0
        ? window.watchedMs
        : Math.max(0, window.lastServedMs ?? 0) + window.resolutionMs
    const told = window.refusedAfter === 0 ? 'still served after' : 'refused at the latest after'
    return [{ label: `${label}: ${told}`, unit: 'ms', value: Math.round(value) }]
  })
}

/** CPU per request where everybody has a new connection, over connections that stay. */
export function storms(run: Run): ClaimNumber[] {
  return run.arms.flatMap((arm) => {
    const own = cellsOf(run.blocks).filter((cell) => cell.arm === arm.id)
    const stays = costs(own, { policy: 'keep-alive', requestsPerConnection: null })
    const once = usesOf(own).filter(
      ({ clients, policy, requestsPerConnection }) =>
        policy === 'full' && (clients !== undefined || requestsPerConnection === 1),
    )
    const kin = run.arms.filter(({ scenario }) => scenario === arm.scenario)
    const name = [arm.scenario, labelOf(arm, kin)].filter(Boolean).join(' ')
    return once.flatMap((use) =>
      number(
        `${name}: CPU per request ${use.clients === undefined ? 'with a connection each' : `in a storm of ${use.clients} clients`} over connections that stay`,
        '×',
        ratio(costs(own, use), stays),
      ),
    )
  })
}
