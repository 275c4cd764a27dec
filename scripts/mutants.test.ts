import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeTrial, missingIds, mutants, tryMutant } from './mutants.ts'
import { edit } from './mutants/mutant.ts'

const root = join(import.meta.dirname, '..')

test('every credential that must be refused has a mutant that lets it in', () => {
  assert.deepEqual(missingIds(), [])
})

test('source without a bug, and a bug that opens another row, are not taken for caught', async () => {
  const none = { id: 'T2', verify: ['tls'], bug: 'none', edits: [] }
  const { exitCode, failed, isCaught } = await tryMutant(root, none)
  assert.deepEqual({ exitCode, failed, isCaught }, { exitCode: 0, failed: [], isCaught: false })
  const other = mutants.find(({ id }) => id === 'T3')
  assert.ok(other)
  const trial = await tryMutant(root, { ...other, id: 'T2' })
  assert.deepEqual(
    [trial.exitCode, trial.failed.map(({ id }) => id), trial.isCaught],
    [3, ['T3'], false],
  )
  assert.match(describeTrial(trial), /^T2 +NOT CAUGHT, exit 3: .*\n +T3 \(accepted: 200\)$/)
})

test('an edit that does not apply once is an error that names the mutant', async () => {
  for (const find of ['this text is nowhere', 'import']) {
    const mutant = {
      id: 'M1',
      verify: ['mtls'],
      bug: 'stale',
      edits: [edit('servers/trust.ts', find, '')],
    }
    await assert.rejects(
      tryMutant(root, mutant),
      /^Error: M1 \(stale\): .* occurs \d+ times in servers\/trust.ts, not once/,
    )
  }
})

// Each is a whole `verify` in a copy of the source, which mostly waits for tokens to expire.
test('verify fails on exactly the row of each mutant', { concurrency: 2 }, async (context) => {
  const trials = mutants.map((mutant) =>
    context.test(`${mutant.id}: ${mutant.bug}`, async () => {
      const trial = await tryMutant(root, mutant)
      assert.ok(trial.isCaught, describeTrial(trial))
    }),
  )
  await Promise.all(trials)
})
