import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { Ajv } from 'ajv'
import { HistoryEnvelopeSchema, type HistoryEnvelope } from '../analysis/history-schema.ts'
import { syntheticRun, tlsSettings } from '../analysis/testdata.ts'
import { temporaryFolder } from '../cli-testbed.ts'
import { BenchError } from '../errors.ts'
import { history, type HistoryCommandOptions } from './history.ts'

const validate = new Ajv().compile<HistoryEnvelope>(HistoryEnvelopeSchema)

test('stored runs become a table and a chart', async (t) => {
  const { show, folder } = desk(t)
  for (let day = 0; day < 3; day++) store(folder, day)
  const { out, err, exitCode } = await show({})
  assert.deepEqual([exitCode, err], [0, ''])
  assert.match(out, /3 runs on 1 machine/)
  // Two cases.
  assert.equal(out.match(/^ +\d+ {2}2025-/gm)?.length, 2 * 3)
  assert.match(out, /^Chart {3}.*history\.png$/m)
  assert.ok(existsSync(join(folder, 'history.png')))
})

test('none or one stored run: one clear line, exit 0, no chart', async (t) => {
  const { show, folder } = desk(t)
  const none = await show({})
  assert.deepEqual(none, {
    exitCode: 0,
    out: 'No stored run to show: npm run bench makes one.\n',
    err: '',
  })
  store(folder, 0)
  const one = await show({})
  assert.equal(one.exitCode, 0)
  assert.match(one.out, /^One stored run is no history yet/)
  assert.match(one.out, /^ +1 {2}2025-01-01/m)
  assert.deepEqual(readdirSync(folder), ['run-0.json'])
})

test('--json is one object that fits its schema, with unreadable files as warnings', async (t) => {
  const { show, folder } = desk(t)
  store(folder, 0)
  store(folder, 1)
  writeFileSync(join(folder, 'broken.json'), '{"schema":1,')
  const { out } = await show({ json: true })
  const printed: unknown = JSON.parse(out)
  assert.ok(validate(printed), JSON.stringify(validate.errors))
  assert.deepEqual([printed.runs, printed.warnings.length, printed.charts.length], [2, 1, 1])
  assert.match(printed.warnings[0]?.message ?? '', /broken\.json: is not whole JSON/)
  assert.match((await show({})).out, /^warning: .*broken\.json/m)
})

test('--markdown prints Markdown', async (t) => {
  const { show, folder } = desk(t)
  store(folder, 0)
  store(folder, 1)
  assert.match((await show({ markdown: true })).out, /^\| case \| machine \|/m)
})

test('a scenario is chosen by name; an unknown one is wrong use', async (t) => {
  const { show, folder } = desk(t)
  store(folder, 0)
  store(folder, 1)
  const { out } = await show({ json: true, scenarios: ['mtls'] })
  const printed: unknown = JSON.parse(out)
  assert.ok(validate(printed))
  assert.deepEqual(
    printed.history.map(({ scenario }) => scenario),
    ['mtls'],
  )
  await assert.rejects(
    show({ scenarios: ['mtsl'] }),
    (error) => error instanceof BenchError && error.code === 'usage' && /mtls/.test(error.message),
  )
})

test('a chart that cannot be written is one line, not a loss', async (t) => {
  const { show, folder } = desk(t)
  store(folder, 0)
  store(folder, 1)
  // A folder in its place.
  mkdirSync(join(folder, 'history.png'))
  const { out, err, exitCode } = await show({})
  assert.equal(exitCode, 0)
  assert.match(err, /^trustbench: cannot write .*history\.png.*\n$/)
  assert.match(out, /2 runs on 1 machine/)
})

/** A source tree of its own scenarios and an empty folder of results. */
function desk(t: TestContext) {
  const root = temporaryFolder(t)
  symlinkSync(join(import.meta.dirname, '..', '..', 'scenarios'), join(root, 'scenarios'))
  const folder = join(root, 'results')
  mkdirSync(folder)
  const show = async (options: Partial<HistoryCommandOptions>) => {
    let [out, err] = ['', '']
    const io = {
      out: (text: string) => {
        out += text
      },
      err: (text: string) => {
        err += text
      },
      signal: new AbortController().signal,
      root,
      stdoutIsTerminal: false,
      stderr: new PassThrough(),
    }
    const asked = { results: folder, json: false, scenarios: [], ...options }
    const { exitCode } = await history(io, asked)
    return { exitCode, out, err }
  }
  return { folder, show }
}

function store(folder: string, day: number): void {
  const run = syntheticRun({
    arms: [
      { scenario: 'tls', parameters: tlsSettings, cpuUs: 36 },
      { scenario: 'mtls', parameters: tlsSettings, cpuUs: 37 },
      { scenario: 'reference', role: 'reference', cpuUs: 30 },
    ],
    blocks: 2,
    rounds: 2,
    requests: 5,
    saturationRequests: 0,
    seed: day + 1,
    overrides: {
      runId: `run-${day}`,
      startedAt: new Date(Date.UTC(2025, 0, 1 + day)).toISOString(),
    },
  })
  writeFileSync(join(folder, `run-${day}.json`), JSON.stringify(run))
}
