import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { Ajv } from 'ajv'
import type { Command } from 'commander'
import { isFit, judge, type CheckState } from '../doctor/checks.ts'
import { doctorEnvelope, DoctorEnvelopeSchema, doctorTable } from '../doctor/present.ts'
import { takeReadings, type Readings } from '../doctor/readings.ts'
import { doctorCommand, report } from './doctor.ts'

const healthy: Readings = {
  cores: 4,
  governors: ['performance'],
  stealShare: 0,
  foreignShare: 0.02,
  clockSource: 'tsc',
  clockDriftMs: 0.4,
  pinned: true,
  nodeVersion: '26.10.0',
  lockedNodeVersion: '26.10.0',
  schedstat: true,
  freeMemoryBytes: 8 * 2 ** 30,
  freeResultsBytes: 2 ** 33,
  freeTmpBytes: 2 ** 33,
  loopbackUs: 30,
  git: '2.39.5',
  gateways: ['nginx 1.22.1'],
  lockHolder: null,
}
const holder = { pid: 4_242, kind: 'bench', since: '2026-01-01T00:00:00.000Z', processStart: null }

const table: [keyof Readings, unknown, string, CheckState][] = [
  ['cores', 2, 'cores', 'ok'],
  ['cores', 1, 'cores', 'unfit'],
  ['governors', ['performance', 'powersave'], 'cpu-governor', 'warn'],
  ['governors', null, 'cpu-governor', 'unknown'],
  ['stealShare', 0.01, 'steal', 'ok'],
  ['stealShare', 0.05, 'steal', 'warn'],
  ['stealShare', 0.11, 'steal', 'unfit'],
  ['stealShare', null, 'steal', 'unknown'],
  ['foreignShare', 0.06, 'foreign-cpu', 'warn'],
  ['foreignShare', 0.51, 'foreign-cpu', 'unfit'],
  ['foreignShare', null, 'foreign-cpu', 'unknown'],
  ['clockSource', 'kvm-clock', 'clock-source', 'ok'],
  ['clockSource', 'hpet', 'clock-source', 'warn'],
  ['clockSource', null, 'clock-source', 'unknown'],
  ['clockDriftMs', 6, 'clock-drift', 'warn'],
  ['clockDriftMs', 3_600_000, 'clock-drift', 'unfit'],
  ['pinned', false, 'pinning', 'warn'],
  ['pinned', null, 'pinning', 'unknown'],
  ['nodeVersion', '26.9.1', 'runtime', 'warn'],
  ['nodeVersion', '27.0.0', 'runtime', 'unfit'],
  ['lockedNodeVersion', null, 'runtime', 'unknown'],
  ['schedstat', false, 'schedstat', 'warn'],
  ['schedstat', null, 'schedstat', 'unknown'],
  ['freeMemoryBytes', 2 ** 30, 'free-memory', 'ok'],
  ['freeMemoryBytes', 2 ** 30 - 1, 'free-memory', 'warn'],
  ['freeMemoryBytes', 2 ** 29 - 1, 'free-memory', 'unfit'],
  ['freeResultsBytes', 2 ** 26, 'free-disk-results', 'warn'],
  ['freeResultsBytes', 0, 'free-disk-results', 'unfit'],
  ['freeResultsBytes', null, 'free-disk-results', 'unknown'],
  ['freeTmpBytes', 0, 'free-disk-tmp', 'unfit'],
  ['loopbackUs', 501, 'loopback', 'warn'],
  ['loopbackUs', null, 'loopback', 'unfit'],
  ['git', null, 'git', 'warn'],
  ['lockHolder', holder, 'other-run', 'unfit'],
  ['lockHolder', 'unreadable', 'other-run', 'unknown'],
]
for (const [reading, value, id, state] of table) {
  test(`${reading} ${JSON.stringify(value)}: ${id} is ${state}, the others as before`, () => {
    const results = judge({ ...healthy, [reading]: value })
    const found = results.find((result) => result.id === id)
    assert.equal(found?.state, state)
    assert.equal(found.advice === null, state === 'ok')
    assert.equal(isFit(results), state !== 'unfit')
    for (const other of results.filter((result) => result.id !== id))
      assert.equal(other.state, 'ok', other.id)
  })
}

const ajv = new Ajv({ allErrors: true })
const validate = ajv.compile(DoctorEnvelopeSchema)

test('what doctor --json prints fits its schema, fit or not', () => {
  for (const readings of [
    healthy,
    ...table.map(([key, value]) => ({ ...healthy, [key]: value })),
  ]) {
    const results = judge(readings)
    const printed: unknown = JSON.parse(JSON.stringify(doctorEnvelope(results, isFit(results))))
    assert.ok(validate(printed), JSON.stringify(validate.errors))
  }
  assert.ok(!validate({ schema: 1, command: 'doctor', fit: true, checks: [{ id: 'cores' }] }))
})

function reported(readings: Readings, json: boolean) {
  let out = ''
  let err = ''
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
  return { ...report(readings, { json }, io), out, err }
}

test('unfit is exit 3 with one line that names the checks; all else is exit 0', () => {
  const unfit = reported({ ...healthy, cores: 1, lockHolder: holder }, false)
  assert.equal(unfit.exitCode, 3)
  assert.equal(unfit.err, 'trustbench: unfit to measure: cores, other-run; see the advice\n')
  assert.match(unfit.out, /^cores +UNFIT +1 cores +give it two cores/m)
  const warned = reported({ ...healthy, governors: null, git: null }, true)
  assert.equal(warned.exitCode, 0)
  assert.equal(warned.err, '')
  assert.equal(validate(JSON.parse(warned.out)), true)
})

test('the table fits in 100 columns and sums up what to mend and what is not known', () => {
  const text = doctorTable(
    judge({ ...healthy, governors: null, stealShare: 0.05, lockHolder: holder }),
  )
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
  assert.match(text, /unfit to measure: other-run\.\n.*steal\.\n.*cpu-governor\.\n$/)
})

test('a reading of this very machine tells its own Node, its cores and its clocks', async () => {
  const root = join(import.meta.dirname, '..', '..')
  const results = join(root, 'results', 'not', 'yet', 'there')
  const readings = await takeReadings({ root, results, signal: new AbortController().signal })
  assert.equal(readings.lockedNodeVersion, process.versions.node)
  assert.ok(readings.cores >= 1)
  assert.ok((readings.loopbackUs ?? 0) > 0)
  assert.ok((readings.freeResultsBytes ?? 0) > 0)
  if (process.platform !== 'linux') return
  assert.equal(readings.schedstat, true)
  assert.ok((readings.foreignShare ?? -1) >= 0)
  assert.ok((readings.stealShare ?? -1) >= 0)
})

test('--help shows an example', () => {
  let help = ''
  const io = { out: () => undefined, err: () => undefined, root: '/' }
  const command: Command = doctorCommand(
    {
      ...io,
      signal: new AbortController().signal,
      stdoutIsTerminal: false,
      stderr: process.stderr,
    },
    () => undefined,
  )
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  assert.match(help, /Example:\n {2}npm run doctor/)
})
