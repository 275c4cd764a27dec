import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { planArms, planLiveArms, type PlannedArm } from './arms.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

const tree = { root: '.', label: 'working tree', commit: null, dirty: null }
const all = await loadScenarios(join(import.meta.dirname, '..'))

/** Scenario names with role, and the names of what an arm is held against. */
function outline(arms: readonly PlannedArm[]): string[] {
  const name = (id: string | null) => (id === null ? '-' : id.replace(/\/[^#]*/, ''))
  return arms.map(
    (arm) =>
      `${name(arm.id)} ${arm.role} ${name(arm.against)} ${arm.parts.map(name).join('+') || '-'}`,
  )
}

function plan(
  names: string[],
  settings: Record<string, string[]> = {},
  against: string | null = null,
) {
  return planArms(
    { scenarios: names.map((name) => findScenario(name, all)), settings, against, tree },
    all,
  )
}

test('combined brings its baseline, its parts and the reference', () => {
  assert.deepEqual(outline(plan(['combined'])), [
    'combined case tls mtls+jwt',
    'mtls part tls -',
    'jwt part tls -',
    'tls baseline - -',
    'reference reference - -',
  ])
})

test('combined with opaque tokens has introspection as its part', () => {
  assert.match(
    outline(plan(['combined'], { token: ['opaque'] }))[0] ?? '',
    /tls mtls\+introspection$/,
  )
})

test('an arm asked for by name stays a case when it is another one’s part or baseline', () => {
  assert.deepEqual(outline(plan(['combined', 'jwt', 'tls'])), [
    'combined case tls mtls+jwt',
    'jwt case tls -',
    'tls case http -',
    'mtls part tls -',
    'http baseline - -',
    'reference reference - -',
  ])
})

test('a baseline takes over the parameters it shares with its case', () => {
  const ids = plan(['jwt'], { tls: ['1.2'], key: ['rsa2048'] }).map(({ id }) => id)
  assert.ok(ids.includes('tls/chain=2/connections=8/gateway=node/key=rsa2048/tls=1.2/workers=1'))
})

test('--against the same case makes an A/A of two arms', () => {
  const arms = plan(['tls'], {}, 'tls')
  assert.deepEqual(outline(arms), [
    'tls case tls#2 -',
    'tls#2 baseline - -',
    'reference reference - -',
  ])
  assert.equal(arms[0]?.case.id, arms[1]?.case.id)
})

test('--against another case sets parameters by name', () => {
  const [trial, other] = plan(['jwt'], {}, 'jwt/alg=RS256')
  assert.equal(trial?.against, other?.id)
  assert.equal(other?.case.parameters['alg'], 'RS256')
})

test('--against refuses what the scenario does not have', () => {
  assert.throws(() => plan(['tls'], {}, 'tls/alg=RS256'), /alg=RS256 is no parameter of tls/)
  assert.throws(() => plan(['tls'], {}, 'tsl'), /did you mean tls/)
})

test('live: a parameter that only one tree knows means its default in the other', () => {
  const tls = findScenario('tls', all)
  const { workers: _, ...fewer } = tls.parameters
  const older = { ...tls, parameters: fewer }
  const live = (settings: Record<string, string[]>) =>
    planLiveArms({
      before: {
        tree: { ...tree, label: 'old' },
        scenarios: [older, findScenario('reference', all)],
      },
      after: { tree, scenarios: all },
      names: ['tls'],
      settings,
    })
  const same = live({})
  assert.deepEqual(same.missing, [])
  const [after, before] = same.arms
  assert.equal(after?.against, before?.id)
  assert.match(after?.id ?? '', /workers=1/)
  assert.doesNotMatch(before?.case.id ?? '', /workers/)
  // Any other value is a case that the older tree does not have.
  const other = live({ workers: ['2'] })
  assert.equal(other.arms.filter(({ role }) => role === 'case').length, 0)
  assert.match(other.missing[0]?.case ?? '', /workers=2/)
})
