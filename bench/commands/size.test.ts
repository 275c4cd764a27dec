import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Ajv } from 'ajv'
import { closedRun } from '../analysis/capacity-testdata.ts'
import type { SizeEnvelope } from '../analysis/sizing-schema.ts'
import { cli, temporaryFolder } from '../cli-testbed.ts'
import { readEnvironment } from '../environment.ts'
import type { Run } from '../results.ts'
import { saveRun } from '../store.ts'
import { ValidationSchema, type Validation } from '../validations.ts'

const root = join(import.meta.dirname, '..', '..')
const reference = join(root, 'results', 'reference', 'reference.json')
const combined = ['--scenario', 'combined', '--rate', '20000']
const fromReference = ['--run', reference, '--cpu-factor', '1']

const usage: [words: string[], message: RegExp][] = [
  [[], /no mechanism: give --scenario combined/],
  [['--scenario', 'combind', '--rate', '1'], /unknown scenario "combind": did you mean combined\?/],
  [['--scenario', 'tls', '--mix', 'tls=1'], /give one of them/],
  [['--mix', 'jwt:0.7'], /--mix jwt:0\.7: expected names with shares/],
  [['--mix', 'jwt=0.7,mtls=0.2', '--rate', '1'], /they sum to 0\.9, expected 1/],
  [['--scenario', 'tls', '--set', 'alg=RS256', '--rate', '1'], /--set alg=RS256/],
  [['--scenario', 'jwt', '--set', 'alg=RS256,ES256', '--rate', '1'], /a demand has one value/],
  [['--set', 'alg=RS256', '--rate', '1'], /needs --scenario or --mix/],
  [[...combined, '--level', '99'], /--level 99: expected 90 or 95/],
  [[...combined, '--budget', '1m'], /--budget 1m: needs --validate/],
  [[...combined, '--smoke'], /a size measures nothing/],
  [[...combined, '--quick'], /needs --measure/],
  [['--validate', ...combined], /--scenario combined: --validate has loads of its own/],
  [['--validate', '--log', 'x'], /--log x: --validate has loads of its own/],
  [[...combined, '--log-format', 'combined'], /needs --log/],
  [[...combined, '--demand', '/no/such.json'], /--demand \/no\/such\.json: cannot be read/],
  [[...combined, '--log', '/no/such.log'], /--log \/no\/such\.log: cannot be read/],
  [[...combined, '--balancing', 'luck'], /\/balancing/],
  [combined, /not measured here: it takes npm run bench -- combined \(2 min\); --measure does it/],
  [
    [...combined, '--requests-per-connection', '50', ...fromReference],
    /npm run bench -- combined --load churn --policy full --requests-per-connection 1,10,inf/,
  ],
  [
    [...combined, '--cores-per-instance', '8', ...fromReference],
    /all that was measured; give --scaling 0\.9/,
  ],
  [[...combined, '--instances', '1', ...fromReference], /its processes would be used to \d+ %/],
  [[...combined, '--p99', '10us', ...fromReference], /no number of instances meets it/],
]
for (const [words, message] of usage) {
  test(`size ${words.filter((word) => word !== reference).join(' ')} is refused: one line, exit code 64, nothing written`, async (t) => {
    const results = temporaryFolder(t)
    const { exitCode, out, err } = await cli(['size', ...words, '--results', results])
    assert.equal(exitCode, 64, err)
    assert.equal(out, '')
    assert.match(err, message)
    assert.equal(err.trimEnd().split('\n').length, 1, err)
    assert.deepEqual(readdirSync(results), [])
  })
}

async function sizeJson(t: TestContext, words: readonly string[], results = temporaryFolder(t)) {
  const argv = ['size', ...words, '--results', results, '--seed', '1', '--json']
  const { exitCode, out, err } = await cli(argv)
  assert.equal(exitCode, 0, err)
  return { results, envelope: JSON.parse(out) as SizeEnvelope }
}

test('a size is stored with its chart, says what it rests on, and that nothing was validated', async (t) => {
  const words = [...combined, ...fromReference, '--p99', '25ms', '--spare', 'N+1']
  const { results, envelope } = await sizeJson(t, words)
  const { sizing, sizingId, charts } = envelope
  assert.deepEqual(readdirSync(join(results, 'sizings')).sort(), [
    `${sizingId}.json`,
    `${sizingId}.png`,
  ])
  assert.equal(charts.length, 1)
  assert.equal(sizing.feasible, true)
  assert.equal(sizing.validation, null)
  assert.equal(sizing.runs.length, 1)
  assert.ok(sizing.assumptions.some((line) => line.startsWith('ASSUMED by --cpu-factor')))
  // Another run of the same words, seed included, is the same size.
  const again = await sizeJson(t, words)
  assert.deepEqual(again.envelope.sizing, sizing)
  const { out } = await cli(['size', ...words, '--results', results])
  assert.match(out, /NOT VALIDATED on this machine/)
  assert.match(out, /ASSUMED by --cpu-factor/)
})

test('a demand file and an access log say the same as options, which say more', async (t) => {
  const folder = temporaryFolder(t)
  const demand = join(folder, 'demand.json')
  writeFileSync(
    demand,
    JSON.stringify({ mechanisms: [{ scenario: 'combined' }], rate: 20_000, headroom: '40%' }),
  )
  const byFile = await sizeJson(t, ['--demand', demand, ...fromReference, '--headroom', '30%'])
  const byOptions = await sizeJson(t, [...combined, ...fromReference])
  assert.deepEqual(byFile.envelope.sizing, byOptions.envelope.sizing)
  const log = join(folder, 'access.log')
  const line = (second: number) =>
    `192.0.2.7 - - [27/Nov/2026:12:00:${String(second).padStart(2, '0')} +0000] "GET / HTTP/1.1" 200 5 "-" "x"`
  const lines = Array.from({ length: 600 }, (_, index) => line(Math.floor(index / 10)))
  writeFileSync(log, [...lines, 'garbage'].join('\n'))
  const byLog = await sizeJson(t, ['--log', log, '--scenario', 'combined', ...fromReference])
  assert.equal(byLog.envelope.log?.garbage, 1)
  assert.deepEqual(byLog.envelope.log.firstGarbage, [601])
  assert.equal(byLog.envelope.sizing.demand.ratePerSecond, 10)
  assert.equal(byLog.envelope.sizing.instances.estimate, 1)
})

/** A run of all four mechanisms, as if it had been measured on this machine. */
function storedRun(results: string, changes: (run: Run) => Run = (run) => run): void {
  const arms = ['tls', 'mtls', 'jwt', 'combined'].map((scenario) => ({ scenario, cpuUs: 200 }))
  const run = closedRun(arms, { environment: readEnvironment(root, null), blocks: 5 })
  saveRun(results, changes(run))
}

test('stored runs of this machine are found; those of a smoke run, or of another CPU, are refused', async (t) => {
  const results = temporaryFolder(t)
  storedRun(results)
  const { envelope } = await sizeJson(t, combined, results)
  assert.deepEqual(envelope.sizing.runs, ['run-1'])
  for (const [changes, message] of [
    [(run: Run) => ({ ...run, mode: 'smoke' as const }), /is a smoke run, which measures nothing/],
    [
      (run: Run) => ({ ...run, environment: { ...run.environment, cpuModel: 'Another CPU' } }),
      /was measured on Another CPU, this is .* or give --cpu-factor/,
    ],
  ] as const) {
    const folder = temporaryFolder(t)
    storedRun(folder, changes)
    const words = ['size', ...combined, '--run', join(folder, 'run-1.json'), '--results', folder]
    const { exitCode, err } = await cli(words)
    assert.equal(exitCode, 64)
    assert.match(err, message)
    assert.ok(!existsSync(join(folder, 'sizings')))
  }
})

test('--validate --smoke goes every way: a rate, beyond capacity, a mix; it validates nothing', async (t) => {
  const results = temporaryFolder(t)
  storedRun(results)
  const words = ['size', '--validate', '--smoke', '--results', results, '--json']
  const { exitCode, out, err } = await cli(words)
  assert.equal(exitCode, 0, err)
  const validation = JSON.parse(out) as Validation
  assert.ok(new Ajv().validate(ValidationSchema, validation))
  assert.equal(validation.mode, 'smoke')
  assert.equal(validation.blocks, 1)
  const kinds = validation.cells.map(({ kind }) => kind)
  const isOneCore = validation.environment.serverCpus?.length === 1
  assert.deepEqual(kinds, isOneCore ? ['rate', 'saturation', 'mix'] : ['rate', 'saturation'])
  assert.ok(validation.predictions.every(({ observed }) => observed !== null))
  const [file = ''] = readdirSync(join(results, 'validation')).filter((name) =>
    name.endsWith('.json'),
  )
  assert.deepEqual(JSON.parse(readFileSync(join(results, 'validation', file), 'utf8')), validation)
  assert.equal(readdirSync(join(results, 'validation', 'runs')).length, 1)
  const { envelope } = await sizeJson(t, combined, results)
  assert.equal(envelope.sizing.validation, null)
})

test('the errors of the newest whole validation stand with every size', async (t) => {
  const results = temporaryFolder(t)
  storedRun(results)
  const { envelope } = await sizeJson(t, combined, results)
  const validation: Validation = {
    schema: 1,
    command: 'size',
    kind: 'validation',
    validationId: 'validation-1',
    mode: 'default',
    startedAt: '2026-11-27T12:00:00.000Z',
    environment: envelope.environment,
    complete: true,
    fittedRuns: ['run-1'],
    run: 'validation-1',
    blocks: 4,
    level: 0.9,
    seed: 1,
    cells: [],
    predictions: [],
    errors: {
      cpuMean: 0.021,
      cpuWorst: 0.06,
      saturationWorst: 0.03,
      p50Worst: 0.1,
      p99Worst: 0.2,
      coverage: 0.9,
      predictions: 40,
    },
  }
  const { saveValidation } = await import('../sizing-store.ts')
  saveValidation(results, validation, closedRun([{ scenario: 'tls', cpuUs: 20 }]))
  const { out } = await cli(['size', ...combined, '--results', results])
  assert.match(
    out,
    /Last validation here, 2026-11-27, 40 predictions: CPU error mean 2\.1 %, worst 6 %; saturation/,
  )
})
