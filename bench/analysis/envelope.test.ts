import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { compareRuns } from './compare.ts'
import { CompareEnvelopeSchema, RunEnvelopeSchema } from './envelope-schema.ts'
import { compareEnvelope, runEnvelope } from './envelope.ts'
import { summarise } from './summary.ts'
import { combinedArms, syntheticRun } from './testdata.ts'

const ajv = new Ajv({ allErrors: true })
const validateRun = ajv.compile(RunEnvelopeSchema)
const validateCompare = ajv.compile(CompareEnvelopeSchema)
const context = { file: 'results/run-1.json', charts: ['results/run-1-cpu.png'] }

test('what bench --json prints fits its schema, whatever was measured', () => {
  const whole = syntheticRun({ arms: combinedArms(), blocks: 8 })
  const failing = combinedArms().map((arm) =>
    arm.scenario === 'jwt'
      ? ({ ...arm, outcome: 'failed', reason: 'J1 was accepted' } as const)
      : arm,
  )
  for (const run of [
    whole,
    syntheticRun({ arms: combinedArms(), blocks: 0 }),
    syntheticRun({ arms: combinedArms(), blocks: 1, saturationRequests: 0 }),
    syntheticRun({ arms: failing, blocks: 2 }),
    { ...whole, complete: false, incompleteReason: 'interrupted', mode: 'smoke' as const },
  ]) {
    const printed: unknown = JSON.parse(JSON.stringify(runEnvelope(run, summarise(run), context)))
    assert.ok(validateRun(printed), JSON.stringify(validateRun.errors))
  }
})

test('the schema refuses a figure without its interval and a name it does not know', () => {
  const run = syntheticRun({ arms: combinedArms(), blocks: 2 })
  const printed = runEnvelope(run, summarise(run), context)
  assert.ok(validateRun(printed))
  assert.ok(!validateRun({ ...printed, figures: [] }))
  const [first] = printed.cases
  const spoilt = { ...first, metrics: { ...first?.metrics, cpuUsPerRequest: 197 } }
  assert.ok(!validateRun({ ...printed, cases: [spoilt] }))
})

test('it has the keys of DESIGN section 8, and null where nothing is known', () => {
  const run = syntheticRun({ arms: combinedArms(), blocks: 8 })
  const printed = runEnvelope(run, summarise(run), { file: null, charts: [] })
  for (const key of [
    'schema',
    'command',
    'runId',
    'file',
    'complete',
    'environment',
    'cases',
    'comparisons',
    'charts',
    'warnings',
  ]) {
    assert.ok(key in printed, key)
  }
  assert.deepEqual([printed.schema, printed.command, printed.file], [1, 'run', null])
  const [combined, tls] = printed.cases
  assert.equal(combined?.baseline, tls?.id)
  assert.deepEqual(combined?.preflight, {
    controlsPassed: 1,
    tried: 2,
    refused: 2,
    recorded: 0,
    handlerCalls: 0,
  })
  assert.equal(combined.metrics.cpuUsPerHandshake, null)
  assert.deepEqual([combined.clientLimited, tls?.clientLimited], [false, true])
  const [cpu] = printed.comparisons
  assert.deepEqual(
    [cpu?.case, cpu?.against, cpu?.metric, cpu?.verdict],
    [combined.id, tls?.id, 'cpuUsPerRequest', 'worse'],
  )
  assert.deepEqual(Object.keys(cpu?.ratio ?? {}), ['estimate', 'low', 'high', 'level', 'blocks'])
})

test('what compare --json prints fits its schema', () => {
  const before = syntheticRun({ arms: combinedArms(), blocks: 6, seed: 1 })
  const after = syntheticRun({ arms: combinedArms().slice(1), blocks: 6, seed: 2 })
  const printed: unknown = JSON.parse(
    JSON.stringify(compareEnvelope(compareRuns(before, after, { defaults: () => null }))),
  )
  assert.ok(validateCompare(printed), JSON.stringify(validateCompare.errors))
})
