import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { BenchError } from './errors.ts'
import type { Run } from './results.ts'
import {
  createRunFile,
  createRunId,
  findRun,
  listRuns,
  prepareFolder,
  readRun,
  saveFile,
  saveFiles,
  saveRun,
} from './store.ts'

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'trustbench-store-'))
  t.after(() => {
    rmSync(made, { recursive: true, force: true })
  })
  return made
}

function run(
  overrides: { runId?: string; startedAt?: string; commit?: string | null; dirty?: boolean } = {},
): Run {
  const {
    runId = 'run-1',
    startedAt = '2026-01-01T00:00:00.000Z',
    commit = 'c'.repeat(40),
    dirty = false,
  } = overrides
  return {
    schema: 1,
    measuringVersion: 1,
    runId,
    command: ['bench', 'tls'],
    mode: 'quick',
    startedAt,
    finishedAt: null,
    complete: false,
    incompleteReason: 'still measuring',
    seed: 1,
    referenceDigest: 'r'.repeat(64),
    environment: {
      machineId: 'abcdef123456',
      cpuModel: 'x',
      cores: 2,
      memoryBytes: 1,
      os: 'linux',
      arch: 'x64',
      node: 'v26',
      openssl: '3',
      v8: '14',
      packages: {},
      commit,
      branch: 'main',
      dirty,
      pinned: true,
      serverCpus: [1],
      clientCpus: [0],
    },
    arms: [],
    blocks: [],
    warnings: [],
  }
}

test('files that belong together are all written, or none is', (t) => {
  const made = join(folder(t), 'new')
  saveFiles(made, { a: '1', b: '2' })
  assert.deepEqual(readdirSync(made).sort(), ['a', 'b'])
  mkdirSync(join(made, 'c'))
  const attempt = () => {
    saveFiles(made, { a: '3', b: '4', c: '5' })
  }
  assert.throws(attempt, { code: 'results-unwritable', message: /c is a folder/ })
  assert.deepEqual(readdirSync(made).sort(), ['a', 'b', 'c'])
  assert.equal(readFileSync(join(made, 'a'), 'utf8'), '1')
})

test('a run is read back as it was written, and no temporary file stays', (t) => {
  const results = folder(t)
  const file = saveRun(results, run())
  assert.deepEqual(readRun(file).run, run())
  assert.deepEqual(readdirSync(results), ['run-1.json'])
})

test('a run id tells time, commit, dirtiness, machine and subject', () => {
  const id = createRunId(
    new Date('2026-11-21T21:00:05.123Z'),
    { ...run().environment, dirty: true },
    'tls jwt',
  )
  assert.match(id, /^20261121T210005Z-cccccccc-dirty-abcdef-tls-jwt-[0-9a-f]{4}$/)
  assert.match(
    createRunId(new Date(0), { ...run().environment, commit: null }, 'all'),
    /-nogit-abcdef-all-/,
  )
})

const unreadable: [string, string, RegExp][] = [
  [
    'a truncated file',
    '{"schema":1,"measuringVersion":1,"ru',
    /is not whole JSON: it may be truncated/,
  ],
  ['a foreign file', '{"hello":"world"}', /not a trustbench run of schema 1/],
  [
    'a later schema',
    JSON.stringify({ ...run(), schema: 2 }),
    /not a trustbench run of schema 1: \/schema/,
  ],
  ['an unknown property', JSON.stringify({ ...run(), surprise: 1 }), /additional properties/],
  ['an empty file', '', /not whole JSON/],
]
for (const [name, content, message] of unreadable) {
  test(`${name} is refused with its name and the place`, (t) => {
    const file = join(folder(t), 'x.json')
    writeFileSync(file, content)
    assert.throws(
      () => readRun(file),
      (error) => {
        assert.ok(error instanceof BenchError && error.code === 'results-unreadable')
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(file) && !error.message.includes('\n'))
        return true
      },
    )
  })
}

test('unreadable files in a results folder are told and hide no other run', (t) => {
  const results = folder(t)
  saveRun(results, run())
  writeFileSync(join(results, 'broken.json'), '{')
  const { runs, unreadable: told } = listRuns([results, join(results, 'missing')])
  assert.deepEqual(
    runs.map(({ run: { runId } }) => runId),
    ['run-1'],
  )
  assert.match(told.join(), /broken\.json: is not whole JSON/)
})

test('a folder that cannot be written is one line with the way out, and leaves what was there', (t) => {
  const results = folder(t)
  const file = join(results, 'file')
  writeFileSync(file, 'kept')
  for (const work of [
    () => {
      prepareFolder(join(file, 'below'))
    },
    () => saveRun(join(file, 'below'), run()),
  ]) {
    assert.throws(work, (error) => {
      assert.ok(error instanceof BenchError && error.code === 'results-unwritable')
      assert.match(error.message, /cannot write .*--results DIR/)
      return true
    })
  }
  assert.equal(readFileSync(file, 'utf8'), 'kept')
})

test('a failed write keeps the former file whole', (t) => {
  const results = folder(t)
  const file = join(results, 'chart.png')
  saveFile(file, 'first')
  // A folder in the place of the file: the rename fails after the whole content was written.
  rmSync(file)
  mkdirSync(file)
  writeFileSync(join(file, 'inside'), 'kept')
  assert.throws(() => {
    saveFile(file, 'second')
  }, /cannot write/)
  assert.equal(readFileSync(join(file, 'inside'), 'utf8'), 'kept')
  assert.deepEqual(readdirSync(results), ['chart.png'])
})

test('prepareFolder makes the folder and leaves nothing in it', (t) => {
  const results = join(folder(t), 'a', 'b')
  prepareFolder(results)
  assert.deepEqual(readdirSync(results), [])
})

test('a run is found by file, id, start of id, or commit: newest clean first', (t) => {
  const results = folder(t)
  const commit = 'd'.repeat(40)
  const file = saveRun(
    results,
    run({ runId: 'old-clean', startedAt: '2026-01-01T00:00:00.000Z', commit }),
  )
  saveRun(results, run({ runId: 'new-clean', startedAt: '2026-01-02T00:00:00.000Z', commit }))
  saveRun(
    results,
    run({ runId: 'new-dirty', startedAt: '2026-01-03T00:00:00.000Z', commit, dirty: true }),
  )
  const resolve = (word: string) => (word === 'main' ? commit : null)
  const find = (word: string) => findRun(word, [results], resolve).run.runId
  assert.equal(find(file), 'old-clean')
  assert.equal(find('old-clean'), 'old-clean')
  assert.equal(find('new-d'), 'new-dirty')
  assert.equal(find('main'), 'new-clean')
  assert.throws(() => find('nothing'), /no stored run for "nothing"; the newest are new-dirty/)
})

test('a results folder that vanishes while a run grows is made again, and the run is whole', (t) => {
  const results = join(folder(t), 'results')
  prepareFolder(results)
  const file = createRunFile(results)
  file.save(run())
  rmSync(results, { recursive: true })
  file.save({ ...run(), incompleteReason: 'later' })
  file.assertSaved()
  assert.equal(readRun(file.path() ?? '').run.incompleteReason, 'later')
})

test('a save that fails does not end the measuring, and is told in the end unless a later one succeeds', (t) => {
  const results = join(folder(t), 'results')
  const file = createRunFile(results)
  writeFileSync(results, 'a file in the place of the folder')
  file.save(run())
  assert.equal(file.path(), null)
  assert.throws(() => {
    file.assertSaved()
  }, /cannot write .*--results DIR/)
  rmSync(results)
  file.save(run())
  file.assertSaved()
})
