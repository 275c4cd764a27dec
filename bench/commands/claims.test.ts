import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { events } from '../experiments/catalogue.ts'
import { cli, startCli, temporaryFolder } from '../cli-testbed.ts'
import { listEvents } from '../event-store.ts'

test('Ctrl-C keeps the events that were watched to their end, and whole', async (t) => {
  const results = temporaryFolder(t)
  const process = startCli(t, ['claims', 'O4', '--smoke', '--results', results])
  await process.saw(/\(1 of \d+\)/)
  process.child.kill('SIGINT')
  const { exitCode, out } = await process.ended
  assert.deepEqual([exitCode, out], [130, ''])
  const [file, ...others] = listEvents(results)
  assert.deepEqual(others, [])
  const names = file?.events.map(({ name }) => name) ?? []
  assert.ok(names.length > 0)
  const known = new Set(events.map(({ name }) => name))
  assert.ok(names.every((name) => known.has(name)) && new Set(names).size === names.length)
  assert.ok(
    file?.events.every(({ probes, eventEndMs }) => (probes.at(-1)?.dueMs ?? 0) > eventEndMs),
  )
})

test('a claim that nobody made is refused with those there are, and nothing is written', async (t) => {
  const results = join(temporaryFolder(t), 'none')
  const { exitCode, err } = await cli(['claims', 'P99', '--results', results])
  assert.equal(exitCode, 64)
  assert.match(err, /unknown claim "P99": there are P1, P2/)
  assert.deepEqual(listEvents(results), [])
})
