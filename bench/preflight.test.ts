import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BenchError } from './errors.ts'
import { failuresOf, preflight } from './preflight.ts'
import { startServer } from './processes.ts'
import type { ServerProcess, StartOptions } from './processes.ts'
import { expand } from './cases.ts'
import type { Case } from './scenario.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..'))

const tls = ids('T', 6)
const mutual = [...ids('M', 10), 'M11a', 'M12', 'M13', 'M14', 'M15']
const introspection = ids('I', 13).filter((id) => id !== 'I4')
const binding = ['C1', 'C3', 'C5', 'C6', 'C7', 'C8', 'C9']

const cases: {
  scenario: string
  settings: Record<string, string>
  refused: string[]
  recorded: string[]
  /** Ids that are tried as others. */
  same?: string[][]
}[] = [
  { scenario: 'http', settings: {}, refused: [], recorded: [] },
  { scenario: 'reference', settings: {}, refused: tls, recorded: [] },
  { scenario: 'tls', settings: { tls: '1.2' }, refused: tls, recorded: [] },
  {
    scenario: 'mtls',
    settings: { tls: '1.2', serverKey: 'rsa2048', clientKey: 'ed25519' },
    refused: [...tls, ...mutual],
    recorded: ['M11b', 'M16'],
  },
  {
    scenario: 'jwt',
    settings: { alg: 'PS256' },
    refused: [...tls, ...ids('J', 22)],
    recorded: ['J23'],
  },
  {
    scenario: 'introspection',
    settings: { introspectionCache: '5s' },
    refused: [...tls, 'J1', 'J19', 'J20', 'J21', 'J22', ...introspection],
    recorded: ['I4'],
  },
  {
    scenario: 'mtls-gateway',
    settings: {},
    refused: [...tls, ...mutual],
    recorded: ['M11b', 'M16'],
  },
  {
    scenario: 'token-gateway',
    settings: {},
    refused: [...tls, ...ids('J', 22)],
    recorded: ['J23'],
  },
  {
    scenario: 'sidecar',
    settings: { alg: 'PS256' },
    refused: [...tls, ...mutual, ...ids('J', 21), ...binding],
    recorded: ['M11b', 'M16', 'J23'],
    same: [
      ['M1', 'C2'],
      ['M2', 'C4'],
      ['J15', 'C10'],
    ],
  },
  {
    scenario: 'integrations',
    settings: { credential: 'token' },
    refused: [...tls, ...ids('J', 22), ...ids('P', 3)],
    recorded: ['J23'],
  },
  {
    scenario: 'integrations',
    settings: { credential: 'certificate' },
    refused: [...tls, ...mutual, ...ids('P', 3)],
    recorded: ['M11b', 'M16'],
  },
  {
    scenario: 'combined',
    settings: { token: 'jwt' },
    refused: [...tls, ...mutual, ...ids('J', 21), ...binding],
    recorded: ['M11b', 'M16', 'J23'],
    same: [
      ['M1', 'C2'],
      ['M2', 'C4'],
      ['J15', 'C10'],
    ],
  },
  {
    scenario: 'combined',
    settings: { token: 'opaque' },
    refused: [...tls, ...mutual, ...introspection, ...binding],
    recorded: ['M11b', 'M16', 'I4'],
    same: [
      ['M1', 'C2'],
      ['M2', 'C4'],
      ['I10', 'C10'],
    ],
  },
]

for (const { scenario, settings, refused, recorded, same = [] } of cases) {
  const trial = caseOf(scenario, settings)
  test(`${trial.id} refuses what it must, and everything of it ends`, async () => {
    const folders = new Set<string>()
    const processes: ServerProcess[] = []
    const outcome = await preflight(trial, async (options: StartOptions) => {
      folders.add(join(options.configFile, '..', '..'))
      const server = await startServer(options)
      processes.push(server)
      return server
    })

    assert.deepEqual(failuresOf(outcome), [])
    assert.deepEqual(idsOf(outcome, 'refuse'), [...refused].sort())
    assert.deepEqual(idsOf(outcome, 'record'), [...recorded].sort())
    const aliased = outcome.refusals.filter(({ sameAs }) => sameAs.length > 0)
    assert.deepEqual(
      aliased.map(({ id, sameAs }) => [id, ...sameAs]),
      same,
    )
    const { tried, handlerCalls, controlsPassed } = outcome
    assert.deepEqual(
      [tried, outcome.refused, outcome.recorded],
      [refused.length, refused.length, recorded.length],
    )
    assert.equal(handlerCalls, 0)
    // One of the case itself and at least one beside each attempt.
    assert.ok(controlsPassed > refused.length + recorded.length)
    for (const row of outcome.refusals) {
      if (row.kind === 'refuse') assert.ok(row.reasons.length > 0, row.id)
      else assert.equal(row.handlerCalls, 1, row.id)
    }

    assert.ok(processes.length > 0)
    for (const { pid } of processes) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    for (const folder of folders) assert.equal(existsSync(folder), false)
  })
}

test('a server that refuses the good credential is an error that says so', async () => {
  // The wrong program: it wants no token of this form.
  const trial = caseOf('introspection', {})
  const wrong: Case = { ...trial, scenario: { ...trial.scenario, server: 'jwt' } }
  await assert.rejects(preflight(wrong, startServer), (error: unknown) => {
    assert.ok(error instanceof BenchError)
    assert.equal(error.code, 'preflight-failed')
    assert.match(error.message, /the good credential was answered 401; .*malformed_token/)
    return true
  })
})

test('a scenario that is to refuse what its clients cannot present is an error', async () => {
  const trial = caseOf('tls', {})
  const wrong: Case = { ...trial, scenario: { ...trial.scenario, refuses: () => ['M1'] } }
  await assert.rejects(preflight(wrong, startServer), /tls is to refuse M1, which its clients/)
})

function caseOf(name: string, settings: Readonly<Record<string, string>>): Case {
  const lists = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, [value]]))
  const [trial] = expand(findScenario(name, scenarios), lists)
  assert.ok(trial)
  return trial
}

function ids(letter: string, last: number): string[] {
  return Array.from({ length: last }, (_, index) => `${letter}${index + 1}`)
}

function idsOf({ refusals }: Awaited<ReturnType<typeof preflight>>, wanted: string): string[] {
  return refusals
    .filter(({ kind }) => kind === wanted)
    .map(({ id }) => id)
    .sort()
}
